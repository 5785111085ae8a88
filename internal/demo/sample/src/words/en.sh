DAYS=(Sunday Monday Tuesday Wednesday Thursday Friday Saturday)
MONTHS=(January February March April May June July August September October November December)

greet() { # WEEKDAY DAY MONTH YEAR
	echo "Good day! $2 $3 $4 is a $1."
}
