DAYS=(dimanche lundi mardi mercredi jeudi vendredi samedi)
MONTHS=(janvier février mars avril mai juin juillet août septembre octobre novembre décembre)

greet() { # WEEKDAY DAY MONTH YEAR
	local day=$2
	((day > 1)) || day=1er
	echo "Bonjour ! Le $day $3 $4 est un $1."
}
