# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: probe which compiler and linker flags are accepted, one at a time.

# TUF_CFLAG(VARIABLE, FLAG, [IF-REFUSED])
# Appends FLAG to VARIABLE when the compiler takes it without a warning.
AC_DEFUN([TUF_CFLAG], [
  AS_VAR_PUSHDEF([cache], [tuf_cv_cflag_$2])
  AC_CACHE_CHECK([whether $CC accepts $2], [cache], [
    tuf_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[]])],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    CFLAGS=$tuf_saved_CFLAGS
  ])
  AS_VAR_IF([cache], [yes], [$1="$[]$1 $2"], [$3])
  AS_VAR_POPDEF([cache])
])

# TUF_LDFLAG(VARIABLE, FLAG)
AC_DEFUN([TUF_LDFLAG], [
  AS_VAR_PUSHDEF([cache], [tuf_cv_ldflag_$2])
  AC_CACHE_CHECK([whether the linker accepts $2], [cache], [
    tuf_saved_LDFLAGS=$LDFLAGS
    LDFLAGS="$LDFLAGS $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    LDFLAGS=$tuf_saved_LDFLAGS
  ])
  AS_VAR_IF([cache], [yes], [$1="$[]$1 $2"])
  AS_VAR_POPDEF([cache])
])

# TUF_ENABLE(NAME, HELP): --enable-NAME, off by default; sets tuf_NAME to yes or no.
AC_DEFUN([TUF_ENABLE], [
  AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [AS_VAR_SET([enable_]m4_translit([$1], [-], [_]), [no])])
])
