/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/notify.c against a socket that stands for the service manager's.
 */
#include "server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/test.h"

/* Listens under an abstract name, which needs no file. */
static int listen_abstract(char name[64])
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(name, 64, "@tuffet-notify-test-%ld", (long)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
    return fd;
}

START_TEST(states_reach_the_manager)
{
    char name[64], text[128] = "";
    int fd = listen_abstract(name);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_manager("READY=1");
    ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 7);
    ck_assert_str_eq(text, "READY=1");
    notify_reloading();
    ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    ck_assert_int_gt(len, 0);
    text[len] = '\0';
    ck_assert(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27) == 0);
    ck_assert(strtoull(text + 27, NULL, 10) > 0);
    unsetenv("NOTIFY_SOCKET");
    notify_manager("READY=1");
    ck_assert_int_lt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
    close(fd);
}
END_TEST

START_TEST(nobody_there_is_no_failure)
{
    static const char *const sockets[] = { "", "x", "relative", "/nowhere/at/all", "@nobody-listens" };
    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        setenv("NOTIFY_SOCKET", sockets[i], 1);
        notify_manager("READY=1");
    }
    char lengthy[300];
    memset(lengthy, 'a', sizeof(lengthy));
    lengthy[0] = '/';
    lengthy[sizeof(lengthy) - 1] = '\0';
    setenv("NOTIFY_SOCKET", lengthy, 1);
    notify_manager("READY=1");
    unsetenv("NOTIFY_SOCKET");
}
END_TEST

START_TEST(watchdog_is_half_the_time_and_ours)
{
    char pid[32];
    unsetenv("WATCHDOG_USEC");
    ck_assert_uint_eq(notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "60000000", 1);
    unsetenv("WATCHDOG_PID");
    ck_assert_uint_eq(notify_watchdog_ms(), 30000);
    (void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    ck_assert_uint_eq(notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_uint_eq(notify_watchdog_ms(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server notify");
    TCase *notify = tcase_create("notify");
    tcase_add_test(notify, states_reach_the_manager);
    tcase_add_test(notify, nobody_there_is_no_failure);
    tcase_add_test(notify, watchdog_is_half_the_time_and_ours);
    suite_add_tcase(suite, notify);
    return tuft_run(suite);
}
