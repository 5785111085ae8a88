# The program: hello [--version | DATE]

main() {
	case ${1:-} in
	--version)
		echo "hello $VERSION ($LANGUAGE, $COMMIT)"
		return
		;;
	'')
		set -- "$(date +%Y-%m-%d)"
		;;
	esac
	if ! parse "$1"; then
		echo "hello: '$1' is not a date from 1583-01-01 on, written YYYY-MM-DD" >&2
		return 2
	fi
	weekday "$YEAR" "$MONTH" "$DAY"
	greet "${DAYS[$REPLY]}" "$DAY" "${MONTHS[$((MONTH - 1))]}" "$YEAR"
}

main "$@"
