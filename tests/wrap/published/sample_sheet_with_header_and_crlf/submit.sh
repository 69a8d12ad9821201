printf 'id,r1,r2\r\nA 1,a_1.fq,a_2.fq\r\nB,b_1.fq,b_2.fq\r\nC,"c,1",c_2.fq\r\n' > samples.csv
$SBATCH s.sh
