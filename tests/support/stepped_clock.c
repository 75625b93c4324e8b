/* Preloaded into redis-server: adds the milliseconds in the file $STEPPED_CLOCK to the wall clock, and leaves the
 * monotonic clock alone. libfaketime does the same, but hangs in the memory allocator of Redis. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ms;

__attribute__((constructor)) static void map_offset(void)
{
    int file = open(getenv("STEPPED_CLOCK"), O_RDONLY);
    void *found = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, file, 0);
    if (found == MAP_FAILED)
        _exit(70);
    offset_ms = found;
    close(file);
}

static int64_t wall_ns(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec + (offset_ms ? *offset_ms * 1000000 : 0);
}

int clock_gettime(clockid_t id, struct timespec *at)
{
    if (id != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, id, at);
    int64_t now = wall_ns();
    at->tv_sec = now / 1000000000;
    at->tv_nsec = now % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void)zone;
    int64_t now = wall_ns();
    at->tv_sec = now / 1000000000;
    at->tv_usec = now % 1000000000 / 1000;
    return 0;
}

time_t time(time_t *at)
{
    time_t now = wall_ns() / 1000000000;
    if (at)
        *at = now;
    return now;
}
