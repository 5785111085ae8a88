DAYS=(Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag)
MONTHS=(Januar Februar März April Mai Juni Juli August September Oktober November Dezember)

greet() { # WEEKDAY DAY MONTH YEAR
	echo "Guten Tag! Der $2. $3 $4 ist ein $1."
}
