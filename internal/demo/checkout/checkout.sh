#!/usr/bin/env bash
# Fetches a commit and checks it out. The token reaches git through the
# environment of the one command that needs it: it is never an argument, which
# others could read, and never in the configuration that is left behind.
set -euo pipefail

fail() {
	echo "::error::$1"
	exit 1
}

[[ $REPOSITORY =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]] || fail "repository: '$REPOSITORY' is not OWNER/NAME"
[[ $DEPTH =~ ^[0-9]{1,9}$ ]] || fail "fetch-depth: '$DEPTH' is not a number"
[[ $REF != -* && ! $REF =~ [[:space:]:^~?*\\[] ]] || fail "ref: '$REF' is not a branch, tag or commit"
case /$DIRECTORY/ in
//* | */../*) fail "path: '$DIRECTORY' is not below the workspace" ;;
esac

mkdir -p -- "$GITHUB_WORKSPACE/$DIRECTORY"
cd -- "$GITHUB_WORKSPACE/$DIRECTORY"
git init --quiet
git remote remove origin 2>/dev/null || :
git remote add origin "$GITHUB_SERVER_URL/$REPOSITORY.git"

header="Authorization: Basic $(printf 'x-access-token:%s' "$TOKEN" | base64 | tr -d '\n')"
echo "::add-mask::${header##* }"
depth=(--no-tags "--depth=$DEPTH")
if ((DEPTH == 0)); then
	depth=(--tags)
fi

# fetch WHAT: leaves it as FETCH_HEAD.
fetch() {
	local what=("$1")
	if ((DEPTH == 0)); then
		what+=('+refs/heads/*:refs/remotes/origin/*')
	fi
	GIT_TERMINAL_PROMPT=0 GIT_CONFIG_COUNT=2 \
		GIT_CONFIG_KEY_0="http.$GITHUB_SERVER_URL/.extraHeader" GIT_CONFIG_VALUE_0=$header \
		GIT_CONFIG_KEY_1=credential.helper GIT_CONFIG_VALUE_1='' \
		git fetch --quiet --no-recurse-submodules "${depth[@]}" --end-of-options origin "${what[@]}"
}

# branch is what HEAD is on afterwards, '' for a commit of its own.
branch=''
if [[ -z $REF && $REPOSITORY == "$GITHUB_REPOSITORY" ]]; then
	REF=$GITHUB_REF
	[[ $REF != refs/heads/* ]] || branch=${REF#refs/heads/}
	fetch "$GITHUB_SHA"
elif [[ -z $REF ]]; then
	REF=HEAD
	fetch HEAD
elif [[ $REF =~ ^[0-9a-f]{40}$ || $REF == refs/* ]]; then
	[[ $REF != refs/heads/* ]] || branch=${REF#refs/heads/}
	fetch "$REF"
elif fetch "refs/heads/$REF" 2>/dev/null; then
	branch=$REF
else
	fetch "refs/tags/$REF"
fi

if [[ -n $branch ]]; then
	git checkout --quiet --force -B "$branch" FETCH_HEAD
else
	git checkout --quiet --force --detach FETCH_HEAD
fi
commit=$(git rev-parse HEAD)
echo "$REPOSITORY is at $(git log -1 --format='%h %s')"
{
	echo "ref=$REF"
	echo "commit=$commit"
} >>"$GITHUB_OUTPUT"
