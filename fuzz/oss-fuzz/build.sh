#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: builds the fuzz targets as OSS-Fuzz wants them: $CC, $CFLAGS, $LIB_FUZZING_ENGINE, $OUT and $SRC
# are given. In the project's Dockerfile there: apt-get install what scripts/packages build names, and zip.
cd "$SRC/tuffet"
./autogen.sh
mkdir -p "$WORK/build"
cd "$WORK/build"
"$SRC/tuffet/configure" --disable-shared --disable-hardening --enable-fuzz
make -j"$(nproc)" fuzzers FUZZER_LINK="$LIB_FUZZING_ENGINE" CCLD="$CXX"
for target in $(make -s print-FUZZ_TARGETS); do
    name=${target##*/fuzz_}
    [ "$name" = canary ] && continue
    cp "$target" "$OUT/fuzz_$name"
    (cd "$SRC/tuffet/fuzz/corpus/$name" && zip -q "$OUT/fuzz_${name}_seed_corpus.zip" ./*)
    [ ! -f "$SRC/tuffet/fuzz/$name.dict" ] || cp "$SRC/tuffet/fuzz/$name.dict" "$OUT/fuzz_$name.dict"
done
