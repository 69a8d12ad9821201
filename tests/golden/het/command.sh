#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# The command from chromplan.toml, with its placeholders as environment variables.
set -euo pipefail
java -Xmx"${CHROMPLAN_JAVA_HEAP_MB}"m -jar beagle.jar gt="${CHROMPLAN_SAMPLE}".chr"${CHROMPLAN_CHROMOSOME}".vcf.gz \
  out="${CHROMPLAN_TMP}"/out nthreads="${CHROMPLAN_CPUS}" panel="${CHROMPLAN_PANEL}"
