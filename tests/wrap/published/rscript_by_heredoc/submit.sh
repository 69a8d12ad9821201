mkdir bin; printf '#!/bin/sh\necho "$@"; cat; exit 2\n' > bin/Rscript; chmod +x bin/Rscript
$SBATCH s.sh
