#!/usr/bin/env bash
# build.sh LANGUAGE: puts dist/hello-LANGUAGE together.
set -euo pipefail
cd "$(dirname "$0")"

language=${1:?usage: build.sh LANGUAGE}
if [[ ! $language =~ ^[a-z]+$ || ! -f src/words/$language.sh ]]; then
	echo "build.sh: no words for '$language' in src/words" >&2
	exit 2
fi
read -r version <VERSION
commit=$(git rev-parse --short=10 HEAD)
program=dist/hello-$language

mkdir -p dist
{
	echo '#!/usr/bin/env bash'
	echo "# hello $version ($language) of commit $commit. Made by build.sh; do not edit."
	echo "readonly VERSION='$version' LANGUAGE='$language' COMMIT='$commit'"
	for part in src/calendar.sh "src/words/$language.sh" src/main.sh; do
		echo
		while IFS= read -r line || [[ -n $line ]]; do
			[[ $line == '#'* ]] || printf '%s\n' "$line"
		done <"$part"
	done
} >"$program"
chmod +x "$program"

bash -n "$program"
echo "built $program"
