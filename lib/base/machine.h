/* machine.h - what this machine lets a process use: processors, memory, room on a disk.
 *
 * Linux: sched_getaffinity(2) and the quota of the control groups (v1 and v2, whichever is mounted)
 * that this process is in, MemAvailable of proc(5) and the groups' limits, statvfs(3). What cannot
 * be found out does not limit. */
#ifndef GN_BASE_MACHINE_H
#define GN_BASE_MACHINE_H

#include <stdint.h>

/* Processors, at least 1; a quota of part of one counts as one. */
uint64_t gn_machine_cores(void);
/* Bytes of memory that can be had without swapping. */
uint64_t gn_machine_memory(void);
/* Bytes that can be written below `dir`; 0 where there is no such directory. NULL: where temporary
 * files go (GN_TMPDIR, TMPDIR, /tmp). */
uint64_t gn_machine_room(const char *dir);

#endif
