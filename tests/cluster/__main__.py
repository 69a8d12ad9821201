"""``python -m tests.cluster up|env|run|down|list`` from the top of the checkout."""

import sys

from tests.cluster.cluster import main

sys.exit(main())
