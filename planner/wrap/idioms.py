"""Regular expressions for the ways in which scripts use an array index, in bash, sed, awk and others."""

from __future__ import annotations

import re

INDEX = "SLURM_ARRAY_TASK_ID"
B = r"[ \t]*"  # blanks
Q = r"[\"']*"  # quotes
NAME = r"[A-Za-z_]\w*"
FILE = r"(?P<file>[^\s|;)'\"`]+|\"[^\"\n]+\"|'[^'\n]+')"
PRINTS = rf"(?:p|q{B};{B}d|\{{{B}p{B};[^}}]*\}})"
ASSIGNED = re.compile(rf"^{B}(?:(?:export|readonly|local)[ \t]+)?({NAME})=([^\s;&|#()`]*)", re.MULTILINE)
LIST = re.compile(
    rf"^{B}(?:(?:declare[ \t]+-a|local)[ \t]+)?({NAME})=\(((?:\$\([^)]*\)|[^()])*)\)",
    re.MULTILINE,
)
MAPFILE = re.compile(
    rf"(?:(?:mapfile|readarray)[ \t]+(?:-t[ \t]+)?|read[ \t]+(?:-r[ \t]+)?-d[ \t]*''[ \t]+(?:-r[ \t]+)?-r?a[ \t]+)"
    rf"({NAME}){B}<{B}(?!\()(\S+)"
)
PIPED = rf"(?:cat|cut[^|;\n]*?)[ \t]+{FILE}{B}\|{B}"  # commands that print as many lines as the file has
MORE = rf"{B}(?P<more>[+-]{B}\d+)?"
AWK = r"awk[ \t]+(?:-F[ \t]*\S+[ \t]+)?"
# a field of every line
FIELDS = re.compile(
    r"\$\([ \t]*(?:cut(?:[ \t]+-\S+)+|awk(?:[ \t]+-F\S+)?[ \t]+'\{print \$\d+\}')[ \t]+([^()|;&\s]+)[ \t]*\)"
)
CAT = re.compile(r"\$\((?:[ \t]*cat[ \t]+|[ \t]*<[ \t]*)([^()|;&]+)\)")
SEQ = re.compile(r"\$\([ \t]*seq[ \t]+(\d+)[ \t]+(\d+)[ \t]*\)")
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_SPECIES = (
    *("mm9", "mm10", "mm39", r"grcm3\d", "mus_?musculus", "mouse", "rn[67]", "rat", r"bos_?tau\w*", r"ars-ucd\S*"),
    *("cattle", "bovine", r"sus_?scr\w*", r"sscrofa\S*", "pig", r"gal_?gal\w*", "chicken", r"can_?fam\w*", "dog"),
    *(r"ovi_?ari\w*", "sheep", r"equ_?cab\w*", "horse", r"tair\d*", "arabidopsis", "iwgsc", "wheat", "oryza", "rice"),
    *("maize", r"danrer\w*", "zebrafish", "dm[36]", "drosophila", "ce1[01]", r"saccer\w*", "yeast"),
)
OTHER_SPECIES = re.compile(rf"\b(?:{'|'.join(_SPECIES)})\b", re.IGNORECASE)
ANYTHING_ELSE = (
    r"(?i:seed|rep(?:s|l\w*)?|fold|perm\w*|boot\w*|iter\w*|sim\w*|chunk|batch|shard|split|block|part|trait|pheno\w*|gene"
    r"|sample|subject|line|row|trial|run)"
)
COMMENT = re.compile(r"(?:^|[ \t])#(?!!)[^\n]*")
