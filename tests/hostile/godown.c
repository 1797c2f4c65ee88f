/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: shuts a mounted ext4 or xfs down without writing its log: what a power failure does to it.
 *
 *   godown MOUNT-POINT
 *
 * Exit status: 0; 1 with the reason on standard error. Needs root.
 * Source: FS_IOC_SHUTDOWN of the Linux kernel (fs/ext4/ext4.h, fs/xfs/libxfs/xfs_fs.h), as xfstests use it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHUTDOWN_NOLOGFLUSH 2
#define IOCTL_SHUTDOWN _IOR('X', 125, uint32_t)

int main(int argc, char **argv)
{
    uint32_t how = SHUTDOWN_NOLOGFLUSH;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || ioctl(fd, IOCTL_SHUTDOWN, &how) != 0) {
        perror("godown");
        return 1;
    }
    close(fd);
    return 0;
}
