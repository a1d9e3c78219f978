<?php
// Answer each line {"old": …, "new": …} with a line {"ms": …}: what wikidiff2's table takes, timed inside PHP.
while (($line = fgets(STDIN)) !== false) {
    $pair = json_decode($line, true);
    $begin = hrtime(true);
    wikidiff2_do_diff($pair['old'], $pair['new'], 2);
    $ms = (hrtime(true) - $begin) / 1e6;
    echo json_encode(['ms' => $ms]), "\n";
    flush();
}
