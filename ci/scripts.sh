#!/usr/bin/env bash
# ci/scripts.sh: checks the check scripts: shellcheck finds nothing, and each begins and ends as ci/lib/check.sh asks. Then checks
# what that library promises: a script that ends early prints a line, and one that has checked nothing fails. Seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need git shellcheck
ready
scratch

mapfile -t scripts < <(git ls-files --cached --others --exclude-standard 'ci/*.sh' .ci/run | grep -v '^ci/lib/')
check "there are ${#scripts[@]} scripts" test ${#scripts[@]} -gt 20
# Checks the libraries along with the scripts that source them.
check "shellcheck" shellcheck --check-sourced "${scripts[@]}" ci/lib/tests-init.sh
cat "$work/.out"
for file in "${scripts[@]}"; do
    for line in '. ci/lib/check.sh' ready finish; do
        grep -qE "^ *${line//./\\.}\$" "$file" || bad "$file" "it has no line \`$line\`"
    done
    [ -x "$file" ] || bad "$file" "it can't be run"
    grep -qF "\`$file\`" CONTRIBUTING.md || bad "$file" "CONTRIBUTING.md does not tell of it"
done

# ---- the library

# ends NAME STATUS WORDS LINES [VARIABLE=VALUE...]: checks that a script of these lines ends with the status, and prints the words.
ends() {
    printf '%s\n' 'set -euo pipefail' '. ci/lib/check.sh' "$4" >"$work/one.sh"
    refused "$1" "$2" "$3" env --unset=IN_GATE "${@:5}" bash "$work/one.sh"
}
ends "a script that passes" 0 "1 passed, 0 failed" 'ready; ok it; finish'
ends "one check that fails" 1 "1 passed, 1 failed" 'ready; ok it; bad that; finish'
ends "nothing checked" 1 "has checked nothing" 'ready; finish'
ends "nothing checked, but skipped" 1 "has checked nothing" 'ready; skip it "for a reason"; finish'
ends "an end without finish" 1 "did not get to its end (status 0)" 'ready; ok it'
ends "exit without a word" 1 "0 passed, 1 failed" 'ready; exit 0'
ends "a command that is missing" 127 "one.sh:3: status 127 of: no-such-command" 'no-such-command; finish'
# shellcheck disable=SC2016 # The inner script expands it.
{
    ends "one in a substitution" 127 "one.sh:3: status 127" 'x=$(no-such-command --version 2>/dev/null | sed s/x/y/); finish'
    ends "one in a function's local" 127 "one.sh:3: status 127" 'f() { local x; x=$(no-such-command 2>/dev/null); }; f; finish'
    ends "a variable that is unset" 1 "did not get to its end" 'echo $none; finish'
    ends "one in a part that each starts" 123 "one.sh (part 2)" 'part() { [ "$1" != 2 ] || false; }; export -f part; each 2 part 1 2 3; finish'
}
ends "a pipeline whose first part fails" 1 "status 1 of: cat (its pipeline: 1 0)" 'false | cat; finish'
ends "a command that takes too long" 124 "sending signal TERM" 'limit 0.2 sleep 5; finish'
ends "a signal" 143 "did not get to its end" 'kill $$; sleep 1; finish'
ends "a tool that no table has" 77 "skip  $work/one.sh: no-such-tool is missing" 'need no-such-tool; ready; ok it; finish'
ends "the same in the gate" 1 "0 passed, 1 failed" 'need no-such-tool; ready; ok it; finish' IN_GATE=1
ends "what can't be installed" 77 "takes root" 'id() { echo 1000; }; have() { false; }; need strace; ready; ok it; finish'
ends "what is missing elsewhere, in the gate" 1 "FAIL" 'lacking "some compiler"' IN_GATE=1
refused "--install ends before the checks" 0 "there git" ci/scripts.sh --install
finish
