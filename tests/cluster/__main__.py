"""``python -m tests.cluster up|env|run|down|list`` from the top of the checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cluster import main

sys.exit(main())
