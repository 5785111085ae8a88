#!/usr/bin/env bash
# test/run.sh DIR: tests the programs in DIR. Ends with "N passed, M failed".
set -uo pipefail
dir=${1:?usage: test/run.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../src/calendar.sh
source "$here/../src/calendar.sh"
passed=0 failed=0

# check NAME GOT WANT
check() {
	if [[ $2 == "$3" ]]; then
		passed=$((passed + 1))
		echo "ok    $1"
	else
		failed=$((failed + 1))
		echo "FAIL  $1: got '$2', want '$3'"
	fi
}

# Each language says what it should, and refuses what is no date.
while IFS='|' read -r language date want; do
	language=${language// /} date=${date// /} want=${want# }
	[[ -n $language && $language != '#'* ]] || continue
	got=$(bash "$dir/hello-$language" "$date" 2>/dev/null) || got='!'
	check "$language $date" "$got" "$want"
done <"$here/cases.txt"

# Over 400 years, after which the calendar repeats, each month begins on the day
# after the one before ended.
day=6 broken=0 # 1583-01-01 was a Saturday
for ((year = 1583; year < 1983; year++)); do
	for month in 1 2 3 4 5 6 7 8 9 10 11 12; do
		weekday "$year" "$month" 1
		((REPLY == day)) || broken=$((broken + 1))
		days_in "$year" "$month"
		day=$(((day + REPLY) % 7))
	done
done
check 'months of 400 years that begin on a wrong day' "$broken" 0
check 'day of the week after 400 years' "$day" 6

# A program knows what it is.
read -r version <"$here/../VERSION"
for program in "$dir"/hello-*; do
	language=${program##*-}
	got=$(bash "$program" --version)
	check "$language --version" "${got%,*}" "hello $version ($language"
done

echo "$passed passed, $failed failed"
((failed == 0))
