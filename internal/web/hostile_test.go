package web

import "regexp"

// Hostile are texts that become markup or script where they are not escaped.
// Each carries the word evil, by which its traces are found.
var Hostile = []string{
	`<script>evil(1)</script>`,
	`"><img src=x onerror=evil(1)>`,
	`' onmouseover='evil(1)`,
	`</title></textarea></style></summary></details><svg onload=evil(1)>`,
	`javascript:evil(1)//`,
	`[a](javascript:evil(1)) ![b](https://evil.example/x.png) <https://x" onclick="evil(1)> <javascript:evil(1)> <iframe src=//evil.example>`,
	`[a](data:text/html,<script>evil(1)</script>) [b]( java&#115;cript:evil(1)) [c](&#106;avascript:evil(1)) [d](//evil.example) [e](/logout?evil)`,
	"\x1b]8;;javascript:evil(1)\x07link\x1b]8;;\x07 \x1b[31m<b>evil</b>\x1b[0m \x1b]0;evil\x07",
	"<!--><script>evil(1)</script>-->\u2028<script>evil(1)</script>",
	`{{.}}${evil(1)}` + "`" + `evil`,
	"<details open ontoggle=evil(1)><summary>a</summary></details></section></main><p style=\"position:fixed\" id=\"live\" class=\"evil\"><form action=//evil.example><input name=evil>",
	"<evil\x00 onload=evil(1)>\xff\xfe<evil>",
}

// Styles are the classes that colours can give.
var Styles = regexp.MustCompile(`^((f|b)\d+|bold|italic|underline|cut| )*$`)
