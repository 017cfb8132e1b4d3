/* Preloaded into a program, it carries the modem lines of a pseudo-terminal, which the operating system
 * does not have, to the control socket of `gattest board`, so that flashing tools reset the virtual board
 * as they reset a real one.
 *
 *   cc -shared -fPIC -o modem_lines.so ci/modem_lines.c -ldl
 *   LD_PRELOAD=./modem_lines.so GATTEST_CONTROL=board.control esptool --port board.port ...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* A port that is opened has both asserted. */
static int lines = TIOCM_DTR | TIOCM_RTS;

static int tell_board(void) {
    static int board = -1;
    const char *path = getenv("GATTEST_CONTROL");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (board < 0 && path && strlen(path) < sizeof address.sun_path) {
        strcpy(address.sun_path, path);
        board = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(board, (struct sockaddr *)&address, sizeof address)) {
            close(board);
            board = -1;
        }
    }
    char text[32], answer;
    int len = snprintf(text, sizeof text, "lines %d %d\n", !!(lines & TIOCM_DTR), !!(lines & TIOCM_RTS));
    if (board < 0 || send(board, text, len, MSG_NOSIGNAL) != len) return -1;
    do { /* to the end of the answer */
        if (read(board, &answer, 1) != 1) return -1;
    } while (answer != '\n');
    return 0;
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*system_ioctl)(int, unsigned long, void *);
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (!system_ioctl) *(void **)&system_ioctl = dlsym(RTLD_NEXT, "ioctl");
    int result = system_ioctl(fd, request, argument);
    int refused = result < 0 && (errno == ENOTTY || errno == EINVAL);
    if (!refused || !isatty(fd)) return result;
    switch (request) {
    case TIOCMGET: *(int *)argument = lines; return 0;
    case TIOCMSET: lines = *(int *)argument; break;
    case TIOCMBIS: lines |= *(int *)argument; break;
    case TIOCMBIC: lines &= ~*(int *)argument; break;
    default: return result;
    }
    if (tell_board()) {
        errno = ENOTTY;
        return -1;
    }
    return 0;
}
