# skips.awk EXPECTED CAME: compares the counts of skips by reason, lines `COUNT<tab>REASON`. A count `any` in EXPECTED allows every one.
# `section` names the table's section in messages. Ends with 1 if a count differs.
FILENAME == ARGV[1] { expected[$2] = $1 == "any" ? "any" : expected[$2] + $1; next }
{ came[$2] = $1; all += $1; reasons++ }
END {
    for (reason in came)
        if (!(reason in expected)) bad("no", came[reason], reason)
        else if (expected[reason] != "any" && expected[reason] != came[reason]) bad(expected[reason], came[reason], reason)
    for (reason in expected)
        if (!(reason in came) && expected[reason] != "any") bad(expected[reason], "none", reason)
    if (!wrong) printf "%d skips for %d reasons, as ci/skips.txt has them for %s\n", all, reasons, section
    exit wrong
}
function bad(table, here, reason) {
    printf "skips: the table for %s has %s, here came %s: %s\n", section, table, here, reason
    wrong = 1
}
