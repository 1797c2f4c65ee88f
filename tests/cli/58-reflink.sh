# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: on a file system that shares blocks (XFS in a file) a compaction moves large attachments without
# writing them.
. "$LIB"

skip() {
    echo "skipped: $1"
    echo "ok   skipped, with its reason"
    echo done 58
    exit 0
}

[ "$(id -u)" = 0 ] || skip "only root mounts a file system"
command -v mkfs.xfs >/dev/null || skip "no mkfs.xfs"
mkdir xfs
dd if=/dev/zero of=disk bs=1 count=0 seek=400M 2>/dev/null
mkfs.xfs -q -m reflink=1 disk >/dev/null 2>&1 || skip "mkfs.xfs failed"
mount -o loop disk xfs 2>/dev/null || skip "no loop mounts of XFS here"
trap 'for _ in $(seq 100); do umount xfs && break; sleep 0.1; done' EXIT

for n in 1 2 3; do
    data=$(head -c 9000000 /dev/urandom | base64 -w 0)
    printf '{"_id":"a%d","_rev":"1-%032x","_attachments":{"x":{"content_type":"image/png","data":"%s"}}}\n' "$n" "$n" "$data"
done | "$TUFFET" load xfs/a.tuffet >/dev/null
"$TUFFET" dump xfs/a.tuffet >before.jsonl
for round in 1 2; do
    exits "compaction $round" 0 "$TUFFET" compact xfs/a.tuffet
    has "says what is shared" '2[56]\.[0-9]* M.*share the blocks they had' "$(cat out)"
    exits "is sound" 0 "$TUFFET" check xfs/a.tuffet
    "$TUFFET" dump xfs/a.tuffet >after.jsonl
    same "every byte is there" before.jsonl after.jsonl
done
echo done 58
