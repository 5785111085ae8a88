# Reckoning with dates of the Gregorian calendar. Nothing here prints.

# leap YEAR: succeeds for a leap year.
leap() {
	(($1 % 4 == 0 && ($1 % 100 != 0 || $1 % 400 == 0)))
}

# days_in YEAR MONTH: sets REPLY to the number of days.
days_in() {
	local lengths=(0 31 28 31 30 31 30 31 31 30 31 30 31)
	REPLY=${lengths[$2]}
	if (($2 == 2)) && leap "$1"; then
		REPLY=29
	fi
}

# weekday YEAR MONTH DAY: sets REPLY to 0 for Sunday … 6 for Saturday. A year
# begins in March here, so that the leap day is its last (Sakamoto's method).
weekday() {
	local shift=(0 0 3 2 5 0 3 5 1 4 6 2 4)
	local year=$(($2 < 3 ? $1 - 1 : $1))
	REPLY=$(((year + year / 4 - year / 100 + year / 400 + ${shift[$2]} + $3) % 7))
}

# parse DATE: sets YEAR, MONTH and DAY; fails for what is no date.
parse() {
	[[ $1 =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})$ ]] || return 1
	YEAR=$((10#${BASH_REMATCH[1]})) MONTH=$((10#${BASH_REMATCH[2]})) DAY=$((10#${BASH_REMATCH[3]}))
	((YEAR >= 1583 && MONTH >= 1 && MONTH <= 12 && DAY >= 1)) || return 1
	days_in "$YEAR" "$MONTH"
	((DAY <= REPLY))
}
