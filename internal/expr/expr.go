// Package expr parses and evaluates GitHub's expression language, the text
// inside ${{ }} and the text of `if`.
//
// A caller gives source text and a [Scope], the names that may be used in that
// part of a workflow file; [Parse] returns a syntax tree or an [Error] with the
// byte offset of the fault. [Template] does the same for a scalar with ${{ }}
// somewhere in it, and [Condition] for the value of an `if`. A parsed [Expr] is
// immutable: it may be evaluated many times, by many goroutines, each time
// against an [Env] that holds the contexts and the functions that are not part
// of the language itself (success, failure, cancelled, always, hashFiles).
//
// Evaluation is pure and bounded. Source is at most [MaxSource] characters and
// [MaxDepth] levels deep. The values that an evaluation makes count against
// [Env.MaxMemory], its work against [Env.MaxSteps]; one that exceeds either ends
// with an error. No input makes this package panic.
//
// Rule ids such as EXP-6 in comments and tests are those of docs/workflow-rules.md.
package expr
