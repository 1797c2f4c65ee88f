# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: a disk that is full during a compaction and during a backup: a real ext4 of 24 MB in a file. What was
# there stays whole, the space of the attempt returns, and with room it succeeds.
. "$LIB"

skip() {
    echo "skipped: $1"
    echo "ok   skipped, with its reason"
    echo done 57
    exit 0
}

[ "$(id -u)" = 0 ] || skip "only root mounts a file system"
command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
mkdir small
dd if=/dev/zero of=disk bs=1M count=24 2>/dev/null
mkfs.ext4 -q -m 0 disk >/dev/null 2>&1 || skip "mkfs.ext4 failed"
mount -o loop disk small 2>/dev/null || skip "no loop mounts here"
# Whatever looks at new disks may have a hand on it for a moment.
trap 'for _ in $(seq 100); do umount small && break; sleep 0.1; done' EXIT

# 6 MB that do not compress, in $1
fill() {
    head -c 6000000 /dev/urandom | base64 -w 12000 |
        awk -v p="$2" '{ printf "{\"_id\":\"%s%04d\",\"_rev\":\"1-%032x\",\"text\":\"%s\"}\n", p, NR, NR, $0 }' |
        "$TUFFET" load "$1" >/dev/null
}
free_kb() {
    df -k --output=avail small | tail -1 | tr -d ' '
}

fill small/a.tuffet a
"$TUFFET" dump small/a.tuffet >before.jsonl
room=$(free_kb)

# A backup for which there is no room.
fill outside.tuffet x
fill outside.tuffet y
fill outside.tuffet z
exits "a backup onto a disk that is too small" 2 "$TUFFET" backup --quiet outside.tuffet small/copy.tuffet
has "says so" 'space|full' "$(cat err)"
is "and leaves no space in use" yes "$([ "$(free_kb)" -ge $((room - 64)) ] && echo yes)"

# Later runs: what is new does not fit; the copy stays what it was.
exits "a backup that fits" 0 "$TUFFET" backup --quiet --check small/a.tuffet small/b.tuffet
cp small/a.tuffet big.tuffet
fill big.tuffet b
fill big.tuffet c
exits "the next one does not" 2 "$TUFFET" backup --quiet big.tuffet small/b.tuffet
exits "the copy is sound" 0 "$TUFFET" check small/b.tuffet
"$TUFFET" dump small/b.tuffet >copy.jsonl
is "and has what it had" "$(wc -l <before.jsonl)" "$(grep -cFxf before.jsonl copy.jsonl)"
rm small/b.tuffet*

# A compaction that is refused early, one that meets the end of the disk, and one with room.
dd if=/dev/zero of=small/ballast bs=1k count=$(($(free_kb) - 2000)) 2>/dev/null
room=$(free_kb)
exits "a compaction without room" 2 "$TUFFET" compact small/a.tuffet
has "is refused before it writes" 'needs about|space|full' "$(cat err)"
is "and leaves no space in use" yes "$([ "$(free_kb)" -ge $((room - 64)) ] && echo yes)"
rm small/ballast
# While it runs somebody else fills the disk.
(
    while [ ! -e small/a.tuffet.compact ]; do :; done
    dd if=/dev/zero of=small/ballast bs=64k 2>/dev/null
) &
racer=$!
status=0
"$TUFFET" compact small/a.tuffet >out 2>err || status=$?
kill "$racer" 2>/dev/null || true
wait "$racer" 2>/dev/null || true
is "a disk that fills meanwhile: done, or refused" yes "$([ "$status" = 0 ] || [ "$status" = 2 ] && echo yes)"
rm -f small/ballast
is "no attempt is left" "a.tuffet" "$(cd small && ls a.tuffet*)"
"$TUFFET" dump small/a.tuffet >after.jsonl
same "every document is there" before.jsonl after.jsonl
exits "with room it succeeds" 0 "$TUFFET" compact small/a.tuffet
exits "and is sound" 0 "$TUFFET" check small/a.tuffet
"$TUFFET" dump small/a.tuffet >after.jsonl
same "and has every document" before.jsonl after.jsonl
echo done 57
