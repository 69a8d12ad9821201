"""Tests on data that others published and that is not part of the project: collected where the data lies beside it.

What they cover is also covered elsewhere, on small samples of the project's own.
"""

from outside import shared_data

_DATA = {"test_sacct_corpus.py": "sacct_corpus", "test_traces.py": "traces"}

collect_ignore = [module for module, folder in _DATA.items() if not shared_data(folder).is_dir()]
