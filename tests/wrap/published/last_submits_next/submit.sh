printf '#!/bin/sh\ncat p.* > all; echo $1 >> all\n' > next.sh
$SBATCH s.sh
