"""The meaning of an array's index, read from a script's text: a line of a file, a word of a list, a chromosome.

It recognises the idioms in which published scripts use ``$SLURM_ARRAY_TASK_ID``. It runs nothing, and gives no meaning
to what it does not recognise.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from planner.core import human
from planner.wrap.idioms import (
    ANYTHING_ELSE,
    ASSIGNED,
    AWK,
    BRACES,
    CAT,
    COMMENT,
    FIELDS,
    FILE,
    INDEX,
    LIST,
    MAPFILE,
    MORE,
    NAME,
    OTHER_SPECIES,
    PIPED,
    PRINTS,
    SEQ,
    VARIABLE,
    B,
    Q,
)

_LAST_HUMAN = tuple(1 + human.CHROMOSOMES.index(name) for name in ("22", "X", "Y", "MT"))
# MT only if the script mentions chromosomes
_FULL_SETS = tuple(range(1, last + 1) for last in _LAST_HUMAN[:-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """The meaning of an array's indices.

    Attributes
    ----------
    said : str
        In words, for the user.
    lines : mapping of int to str
        Index -> the line or word that it stands for; empty if it is the chromosome's number, or unknown.
    is_chromosome : bool
        Whether the index itself is a human chromosome's number.
    """

    said: str
    lines: Mapping[int, str]
    is_chromosome: bool = False


def find(
    text: str, indices: Sequence[int], *, variables: Mapping[str, str], read: Callable[[str], str | None]
) -> Meaning:
    """Return the meaning of the indices of a script's array.

    Parameters
    ----------
    text : str
        The script.
    variables : mapping of str to str
        The script's environment, and its arguments as ``1``, ``2`` …
    read : callable
        Returns the content of a file; None when there is no such file.
    """
    reader = _Reader(COMMENT.sub("", text), variables, read)
    for way in (reader.line_of_a_file, reader.word_of_a_list, reader.row_of_a_table):
        found = way(indices)
        if found is not None:
            return found
    if reader.picks or reader.picks_otherwise():
        return Meaning(said="the index picks something from a list that could not be read", lines={})
    return _chromosomes(reader, indices)


def _chromosomes(reader: _Reader, indices: Sequence[int]) -> Meaning:
    nothing = Meaning(said="the index is all that is known of a task; --map FILE tells more", lines={})
    other = OTHER_SPECIES.search(reader.text)
    if other is not None:
        return Meaning(said=f"the index: {other[0]} is not human, so no chromosome's length is taken", lines={})
    whole = any(list(indices) == list(full) for full in _FULL_SETS)
    named = reader.names_chromosomes() and indices[0] >= 1 and indices[-1] in _LAST_HUMAN
    if not named and (not whole or reader.names_something_else()):
        return nothing
    return Meaning(
        said="the index is the human chromosome (--map FILE, or --map none, says otherwise)",
        lines={},
        is_chromosome=True,
    )


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str], read: Callable[[str], str | None]) -> None:
        self.text = text
        self._read = read
        self._variables = dict(variables)
        self._offsets = {INDEX: 0}
        self.picks = False
        for match in ASSIGNED.finditer(text):
            name, value = match.groups()
            self._variables[name] = value
        index = rf"\$?\{{?{INDEX}\}}?"
        alias = re.compile(
            rf"\b({NAME})=[\"']?(?:{index}"
            rf"|\$\(\({B}{index}{B}([+-]{B}\d+)?{B}\)\)"
            rf"|\$\({B}expr[ \t]+{index}[ \t]+([+-][ \t]+\d+){B}\))[\"']?(?:\s|;|$)"
        )
        counted = re.compile(rf"(?:\blet[ \t]+[\"']?|\(\(){B}({NAME}){B}={B}{index}{B}([+-]{B}\d+)?")
        for match in alias.finditer(text):
            self._offsets[match[1]] = _offset(match[2] or match[3])
        for match in counted.finditer(text):
            self._offsets[match[1]] = _offset(match[2])
        self._names = "|".join(self._offsets)
        # in Python and R
        numbers = re.findall(rf"\b({NAME}){B}(?:=|<-){B}(?:int|as\.\w+|strtoi)\([^\n]*{INDEX}", text)
        self._inner_names = "|".join([INDEX, *numbers])

    def line_of_a_file(self, indices: Sequence[int]) -> Meaning | None:
        """Sed -n "${i}p" FILE, sed "${i}q;d" FILE, awk "NR==$i" FILE, head -n $i FILE | tail -n 1."""
        value = self._value("i")
        sed = rf"sed[ \t]+(?:(?:-n|--quiet|-e)[ \t]+)*{Q}{value}{Q}{PRINTS}"
        head, last = rf"head[ \t]+(?:-n{B}|-){Q}{value}{Q}", rf"{B}\|{B}tail[ \t]+-(?:n{B})?1"
        ways = (
            rf"{PIPED}{sed}",
            rf"{PIPED}{head}{last}",
            rf"{PIPED}{AWK}[\"']+{B}NR{B}=={B}{Q}{value}",
            rf"{sed}{Q}[ \t]+<?{B}{FILE}",
            rf"{head}[ \t]+{FILE}{last}",
            rf"tail[ \t]+-n{B}\+{Q}{value}{Q}[ \t]+{FILE}{B}\|{B}head[ \t]+-(?:n{B})?1",
            rf"{AWK}[\"']+{B}NR{B}=={B}{Q}{value}(?:[^|;\n]*?[\"'])?[ \t]+<?{B}{FILE}",
            rf"{_awk_variable(value)}'{B}\(?NR{B}=={B}(?P=name)\b{MORE}[^']*'[ \t]+<?{B}{FILE}",
            rf"{AWK}'{B}\(?NR{B}=={B}ENVIRON\[\"{INDEX}\"\]{MORE}[^']*'[ \t]+<?{B}{FILE}",
        )
        for way in ways:
            match = re.search(way, self.text)
            if match is None:
                continue
            self.picks = True
            lines = self._lines(match["file"])
            if lines is not None:
                shift = self._shift(match, "i") + _offset(match.groupdict().get("more")) - 1
                return self._meaning(indices, lines, shift, f"the index is a line of {self._plain(match['file'])}")
        return None

    def word_of_a_list(self, indices: Sequence[int]) -> Meaning | None:
        """``${names[$i]}`` of ``names=(a b c)``, ``names=($(cat FILE))``, or ``mapfile -t names < FILE``."""
        index = rf"(?:{self._value('i')}|(?P<bare>{self._names}))"
        use = re.compile(rf"\$\{{(?P<list>\w+)\[{index}{B}(?P<plus>[+-]{B}\d+)?\]\}}")
        for match in use.finditer(self.text):
            self.picks = True
            words = self._words(match["list"])
            if words is not None:
                of_name = self._offsets[match["bare"]] if match["bare"] else self._shift(match, "i")
                shift = of_name + _offset(match["plus"])
                return self._meaning(indices, words, shift, f"the index picks from the list {match['list']}")
        return None

    def row_of_a_table(self, indices: Sequence[int]) -> Meaning | None:
        """Awk -v i=$SLURM_ARRAY_TASK_ID '$1==i {print $2}' FILE."""
        way = rf"{_awk_variable(self._value('i'))}'{B}\(?\$1{B}=={B}(?P=name)\b[^']*'[ \t]+<?{B}{FILE}"
        match = re.search(way, self.text)
        if match is None:
            return None
        lines = self._lines(match["file"])
        keys = [cells[0] for line in lines or [] if (cells := line.replace(",", " ").split())]
        if lines is None or len(set(keys)) < len(keys):
            # a table that cannot be read, or has several rows for an index, may be filtered by chromosome
            self.picks = not self.names_chromosomes()
            return None
        self.picks = True
        shift = self._shift(match, "i")
        rows = {cells[0]: line for line in lines if (cells := line.replace(",", " ").split())}
        found = {index: rows[str(index + shift)] for index in indices if str(index + shift) in rows}
        rest = {index: line.replace(",", " ").split(None, 1)[-1] for index, line in found.items()}
        return Meaning(said=f"the index is a row of {self._plain(match['file'])}", lines=rest) if rest else None

    def picks_otherwise(self) -> bool:
        """Whether the index is the number of a line or item of something that cannot be read here."""
        value = self._value("i")
        ways = (
            rf"\bsed\b[^\n|;]*{value}{Q}\}}?{Q}{B}[pq]",
            rf"\bNR\b[^\n|]*{value}",
            rf"\bENVIRON\[\"{INDEX}\"\]",
            rf"{_awk_variable(value)}[^\n]*\bNR\b",
            rf"\b(?:head|tail)\b[^\n|;]*{value}",
            rf"(?<=[\w)])(?<!environ)\[[^\]\n]*\b(?:{self._inner_names})\b",
        )
        return any(re.search(way, self.text) for way in ways)

    def names_something_else(self) -> bool:
        """Whether the script's names call the index a seed, a fold, a sample or the like."""
        spoken = rf"\b{ANYTHING_ELSE}s?[_-]?\w{{0,4}}[ \t=:\"'{{]*{self._value('i')}"
        of_name = rf"{ANYTHING_ELSE}s?(?:_?(?:id|idx|index|num|number|no|nr))?"
        return bool(re.search(spoken, self.text)) or any(re.fullmatch(of_name, name) for name in self._offsets)

    def names_chromosomes(self) -> bool:
        """Whether the script's names call the index a chromosome."""
        value = self._value("i")
        spoken = rf"(?i:chr(?:om(?:osome)?)?)[\w.-]{{0,3}}[ \t=:_\"'{{]*{value}"
        if re.search(spoken, self.text):
            return True
        return any(re.fullmatch(r"(?i)c|chr\w*|chrom\w*", name) for name in self._offsets)

    def _meaning(self, indices: Sequence[int], values: Sequence[str], shift: int, said: str) -> Meaning:
        found = {index: values[index + shift] for index in indices if 0 <= index + shift < len(values)}
        missing = len(indices) - len(found)
        short = f" ({missing} of {len(indices)} indices have none)" if missing else ""
        return Meaning(said=said + short, lines={index: line for index, line in found.items() if line.strip()})

    def _value(self, group: str) -> str:
        """Return a pattern of the index's value in bash: ``$i``, ``${i}``, ``$((i-1))``."""
        names = self._names
        return (
            rf"(?:\$(?:\{{(?P<{group}_braced>{names})\}}|(?P<{group}_bare>{names})(?!\w))|"
            rf"\$\(\({B}\$?\{{?(?P<{group}_in>{names})\}}?{B}(?P<{group}_plus>[+-]{B}\d+)?{B}\)\))"
        )

    def _shift(self, match: re.Match[str], group: str) -> int:
        found = match.groupdict()
        name = found.get(f"{group}_braced") or found.get(f"{group}_bare") or found.get(f"{group}_in") or INDEX
        return self._offsets[name] + _offset(found.get(f"{group}_plus"))

    def _words(self, name: str) -> list[str] | None:
        for match in MAPFILE.finditer(self.text):
            if match[1] == name:
                return self._lines(match[2])
        for match in LIST.finditer(self.text):
            if match[1] == name:
                return self._list(match[2])
        return None

    def _list(self, body: str) -> list[str] | None:
        fields = FIELDS.fullmatch(body.strip().strip('"'))
        if fields is not None:
            return self._lines(fields[1])
        whole = CAT.fullmatch(body.strip().strip('"'))
        if whole is not None:
            lines = self._lines(whole[1].strip())
            return None if lines is None else " ".join(lines).split()
        body = SEQ.sub(lambda match: _range(match[1], match[2]), BRACES.sub(lambda m: _range(m[1], m[2]), body))
        try:
            words = shlex.split(body, comments=True)
        except ValueError:
            return None
        return None if any("$" in word or "`" in word or "*" in word for word in words) else words

    def _lines(self, word: str) -> list[str] | None:
        path = self._plain(word)
        text = None if not path or "$" in path else self._read(path)
        return None if text is None else text.splitlines()

    def _plain(self, word: str) -> str:
        """Return a word of the script with its variables filled in, as far as they are known."""
        text = word.strip("\"'")
        for _ in range(5):
            filled = VARIABLE.sub(self._filled, text)
            if filled == text:
                break
            text = filled
        return text

    def _filled(self, match: re.Match[str]) -> str:
        name, default = match[1] or match[3], match[2]
        value = self._variables.get(name)
        if not value and default is not None:
            value = default
        return match[0] if value is None else value.strip("\"'")


def _awk_variable(value: str) -> str:
    """Return a pattern of ``awk -v name=$i``, up to the program."""
    return rf"awk[ \t]+(?:-F{B}\S+[ \t]+)?-v[ \t]+(?P<name>\w+)={Q}{value}{Q}[ \t]+(?:-F{B}\S+[ \t]+)?"


def _offset(text: str | None) -> int:
    return int(re.sub(r"\s", "", text)) if text else 0


def _range(first: str, last: str) -> str:
    return " ".join(str(number) for number in range(int(first), min(int(last), int(first) + 100_000) + 1))
