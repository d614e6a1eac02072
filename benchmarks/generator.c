// Opens many WebSockets and counts what they are told; prints one JSON object.
//
//   cc -O2 -o generator generator.c
//   generator -p PORT -n SOCKETS -g ROOMS -k KIND -m MODE [-W window | -r rate] [-T seconds] [-P pid]
//             [-f number of the first room]
//
// KIND  plain     {"message": …} on /ws/chat/room<i>/          (the tutorials' protocol)
//       bus       room.join and message.send on /ws/ with the subprotocol bus.v1
//       socketio  Socket.IO 4 with an event "msg" and a room each
// MODE  fan       keeps W messages under way in each room: deliveries a second
//       rate      sends r messages a second in all: time from sending to each receipt
//       storm     opens all sockets, 64 at a time: connections a second, memory of the server
//
// One thread and one epoll. A message carries its time and number between two "~", so that those
// which share a frame are counted, too.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum kind { PLAIN, BUS, SOCKETIO };
enum state { CONNECTING, UPGRADING, GREETING, JOINING, OPEN, DEAD };

typedef struct {
    int fd, room;
    enum state state;
    uint32_t last;           // the number heard last
    uint8_t *rest;           // the beginning of a frame that is not all here
    int rest_size, rest_room;
    char *out;               // what the socket did not take yet
    int out_size, out_sent;
} Conn;

#define AT_ONCE 64
#define SLOTS 40000
#define MARK_SIZE 26
#define WORDS "hello there, how are you all today"
// In place of 0 to f, which spell words that moderation refuses.
#define DIGITS "2679cdjmqrgwxyzl"

static enum kind kind = PLAIN;
static int port = 8000, count = 100, rooms = 1, first = 0, window = 8, epfd;
static double seconds = 5, warm_up = 1, rate = 20;
static const char *mode = "fan", *pid = "";
static Conn *conns;
static uint64_t sent, heard, measured, opened, failed, lost;
// Heard after one with a higher number: of another author, and of the same.
static uint64_t disorder, own_disorder;
// Who wrote a number, as a member of its room; the number last heard by each of each member.
static uint32_t authors[1 << 20], *last_of;
static uint64_t times[SLOTS], timed;
static int measuring;
static uint32_t number;
static uint8_t buffer[1 << 20];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// Exact below 2 ms, then to a thousandth.
static void note_time(uint64_t us) {
    int slot = us;
    if (us >= 2048) {
        int shift = 63 - __builtin_clzll(us) - 10;
        slot = (shift + 1) * 1024 + (int)((us >> shift) - 1024);
    }
    times[slot < SLOTS ? slot : SLOTS - 1]++;
    timed++;
}

static double quantile(double q) {
    uint64_t wanted = q * timed, seen = 0;
    for (int slot = 0; slot < SLOTS; slot++)
        if ((seen += times[slot]) > wanted) {
            int shift = slot / 1024 - 1;
            return (slot < 2048 ? slot : ((uint64_t)(slot % 1024) + 1024) << shift) / 1000.0;
        }
    return -1;
}

static void watch(Conn *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &e);
}

static void drop(Conn *c) {
    if (c->state == DEAD) return;
    if (c->state == OPEN) lost++; else failed++;
    c->state = DEAD;
    close(c->fd);
}

static void put(Conn *c, const void *data, int size) {
    if (c->state == DEAD) return;
    if (c->out_sent == c->out_size) {
        int r = send(c->fd, data, size, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN) { drop(c); return; }
        if (r < 0) r = 0;
        if (r == size) return;
        data = (char *)data + r;
        size -= r;
        c->out_size = c->out_sent = 0;
    }
    c->out = realloc(c->out, c->out_size + size);
    memcpy(c->out + c->out_size, data, size);
    c->out_size += size;
    watch(c, EPOLLIN | EPOLLOUT);
}

static void flush(Conn *c) {
    int left = c->out_size - c->out_sent;
    if (left > 0) {
        int r = send(c->fd, c->out + c->out_sent, left, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN) { drop(c); return; }
        if (r > 0) c->out_sent += r;
    }
    if (c->out_sent == c->out_size) { c->out_size = c->out_sent = 0; watch(c, EPOLLIN); }
}

static void frame(Conn *c, int opcode, const char *text, int size) {
    uint8_t f[2048], mask[4] = {0x12, 0x34, 0x56, 0x78};
    int head = 0;
    f[head++] = 0x80 | opcode;
    if (size < 126) f[head++] = 0x80 | size;
    else { f[head++] = 0x80 | 126; f[head++] = size >> 8; f[head++] = size & 255; }
    memcpy(f + head, mask, 4);
    head += 4;
    for (int i = 0; i < size; i++) f[head + i] = text[i] ^ mask[i & 3];
    put(c, f, head + size);
}

static void say(Conn *c) {
    static const char *forms[] = {
        "{\"message\":\"%s\"}",
        "{\"type\":\"message.send\",\"data\":{\"room\":\"room%d\",\"body\":\"%s\",\"client_id\":\"%x-%x\"}}",
        "42[\"msg\",{\"message\":\"%s\"}]",
    };
    char body[128], text[640];
    snprintf(body, sizeof body, "~%016llx%08x~" WORDS, (unsigned long long)now(), ++number);
    for (int i = 1; i < MARK_SIZE - 1; i++)
        body[i] = DIGITS[body[i] <= '9' ? body[i] - '0' : body[i] - 'a' + 10];
    int size = kind == BUS
        ? snprintf(text, sizeof text, forms[BUS], c->room, body, getpid(), number)
        : snprintf(text, sizeof text, forms[kind], body);
    authors[number % (1 << 20)] = (c - conns) / rooms;
    frame(c, 1, text, size);
    sent++;
}

static void open_up(Conn *c) { c->state = OPEN; opened++; }

// What comes before a socket is in its room.
static int greet(Conn *c, const uint8_t *text, int size) {
    char join[128];
    if (kind == SOCKETIO && size && text[0] == '2') { frame(c, 1, "3", 1); return 1; }
    if (c->state == GREETING && kind == BUS) {
        frame(c, 1, join, sprintf(join,
            "{\"ref\":\"j\",\"type\":\"room.join\",\"data\":{\"room\":\"room%d\",\"limit\":1}}", c->room));
        c->state = JOINING;
        return 1;
    }
    if (c->state == JOINING && kind == BUS) {
        if (memmem(text, size, "\"ref\":\"j\"", 9)) {
            if (!memmem(text, size, "\"ok\":true", 9)) { drop(c); return 1; }
            open_up(c);
        }
        return 1;
    }
    if (c->state == GREETING) { frame(c, 1, "40", 2); c->state = JOINING; return 1; }
    if (c->state == JOINING) {
        frame(c, 1, join, sprintf(join, "42[\"join\",\"room%d\"]", c->room));
        open_up(c);
        return 1;
    }
    return 0;
}

static uint8_t values[256];

static uint64_t decoded(const uint8_t *digits, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 4 | values[digits[i]];
    return value;
}

static void take(Conn *c, const uint8_t *text, int size) {
    if ((c->state != OPEN || kind == SOCKETIO) && greet(c, text, size)) return;
    if (c->state != OPEN) return;
    const uint8_t *end = text + size, *at;
    uint64_t t = 0;
    // Of a session's events, message.settled carries no mark, and nothing is counted twice.
    while ((at = memchr(text, '~', end - text)) && end - at >= MARK_SIZE) {
        if (at[MARK_SIZE - 1] != '~') { text = at + 1; continue; }
        uint32_t n = decoded(at + 17, 8);
        heard++;
        uint32_t *own = &last_of[(c - conns) * (count / rooms + 1) + authors[n % (1 << 20)]];
        if (n <= *own) own_disorder++;
        else if (n <= c->last) disorder++;
        c->last = *own = n;
        if (measuring) {
            measured++;
            if (!t) t = now();
            note_time((t - decoded(at + 1, 16)) / 1000);
        }
        text = at + MARK_SIZE;
    }
}

static int parse(Conn *c, uint8_t *data, int size) {
    int at = 0;
    while (c->state != DEAD && size - at >= 2) {
        uint8_t *f = data + at;
        int left = size - at, head = 2, opcode = f[0] & 15;
        uint64_t length = f[1] & 127;
        if (length == 126) {
            if (left < 4) break;
            length = f[2] << 8 | f[3];
            head = 4;
        } else if (length == 127) {
            if (left < 10) break;
            length = 0;
            for (int i = 0; i < 8; i++) length = length << 8 | f[2 + i];
            head = 10;
        }
        if ((uint64_t)left < head + length) break;
        if (opcode == 9) frame(c, 10, (char *)f + head, length);
        else if (opcode == 8) drop(c);
        else if (opcode <= 2) take(c, f + head, length);
        at += head + length;
    }
    return at;
}

static void keep(Conn *c, const uint8_t *data, int size) {
    if (c->rest_room < size) c->rest = realloc(c->rest, c->rest_room = size + 4096);
    memcpy(c->rest, data, size);
    c->rest_size = size;
}

static void hear(Conn *c) {
    int begin = c->rest_size, done = 0;
    if (begin) memcpy(buffer, c->rest, begin);
    int r = recv(c->fd, buffer + begin, sizeof buffer - begin, 0);
    if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (r <= 0) { drop(c); return; }
    c->rest_size = 0;
    r += begin;
    if (c->state == UPGRADING) {
        uint8_t *end = memmem(buffer, r, "\r\n\r\n", 4);
        if (!end) { keep(c, buffer, r); return; }
        if (memcmp(buffer, "HTTP/1.1 101", 12)) { drop(c); return; }
        done = end + 4 - buffer;
        if (kind == PLAIN) open_up(c); else c->state = GREETING;
    }
    done += parse(c, buffer + done, r - done);
    if (c->state != DEAD && done < r) keep(c, buffer + done, r - done);
}

static void upgrade(Conn *c) {
    char path[64] = "/ws/", text[512];
    if (kind == PLAIN) sprintf(path, "/ws/chat/room%d/", c->room);
    if (kind == SOCKETIO) strcpy(path, "/socket.io/?EIO=4&transport=websocket");
    int size = sprintf(text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        path, port, kind == BUS ? "Sec-WebSocket-Protocol: bus.v1\r\n" : "");
    c->state = UPGRADING;
    watch(c, EPOLLIN);
    put(c, text, size);
}

static void start(Conn *c, int i) {
    int on = 1;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->room = first + i % rooms;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (void *)&where, sizeof where) < 0 && errno != EINPROGRESS) { drop(c); return; }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &e);
}

static void turn(int ms) {
    struct epoll_event events[512];
    int n = epoll_wait(epfd, events, 512, ms);
    for (int i = 0; i < n; i++) {
        Conn *c = events[i].data.ptr;
        if (c->state == DEAD) continue;
        if (c->state == CONNECTING) {
            if (events[i].events & (EPOLLERR | EPOLLHUP)) drop(c);
            else if (events[i].events & EPOLLOUT) upgrade(c);
            continue;
        }
        if (events[i].events & EPOLLOUT) flush(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(c);
    }
}

// Processor seconds of the server, and its memory in KiB.
static double usage(long *memory) {
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        char *after = strrchr(text, ')');
        if (after) sscanf(after + 2,
            "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
            &user, &kernel, &pages);
    }
    if (memory) *memory = pages * (sysconf(_SC_PAGESIZE) / 1024);
    return (user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void run_for(double s) {
    uint64_t end = now() + (uint64_t)(s * 1e9);
    while (now() < end) turn(10);
}

// Tells who watches what is measured: from here, or to here.
static void say_where(const char *where) {
    fprintf(stderr, "%s\n", where);
}

static double storm(void) {
    uint64_t began = now(), late = began + 120ull * 1000000000;
    int started = 0;
    while (opened + failed + lost < (uint64_t)count && now() < late) {
        while (started < count && started - (int)(opened + failed + lost) < AT_ONCE) {
            start(&conns[started], started);
            started++;
        }
        turn(50);
    }
    return (now() - began) / 1e9;
}

static void fan(uint64_t end) {
    uint64_t members = count / rooms, before = 0, progress = now(), given_up = 0;
    while (now() < end) {
        for (int i = 0; i < window * rooms && sent * members < heard + given_up + (uint64_t)window * rooms * members; i++)
            say(&conns[sent % rooms]);
        if (heard != before) { before = heard; progress = now(); }
        else if (now() - progress > 2000000000ull) { given_up = sent * members - heard; progress = now(); }
        turn(100);
    }
}

static void at_rate(uint64_t begin, uint64_t end, uint64_t *said) {
    int members = count / rooms;
    while (now() < end) {
        uint64_t due = (now() - begin) / 1e9 * rate;
        for (int i = 0; *said < due && i < 200; i++, ++*said)
            say(&conns[*said % rooms + rooms * (*said / rooms % members)]);
        turn(1);
    }
}

int main(int argc, char **argv) {
    int o;
    while ((o = getopt(argc, argv, "p:n:g:f:k:m:W:r:T:w:P:")) != -1) switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'n': count = atoi(optarg); break;
        case 'g': rooms = atoi(optarg); break;
        case 'f': first = atoi(optarg); break;
        case 'k': kind = *optarg == 'b' ? BUS : *optarg == 's' ? SOCKETIO : PLAIN; break;
        case 'm': mode = optarg; break;
        case 'W': window = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'T': seconds = atof(optarg); break;
        case 'w': warm_up = atof(optarg); break;
        case 'P': pid = optarg; break;
        default: return 2;
    }
    for (int i = 0; i < 16; i++) values[(uint8_t)DIGITS[i]] = i;
    conns = calloc(count, sizeof *conns);
    last_of = calloc((size_t)count * (count / rooms + 1), sizeof *last_of);
    epfd = epoll_create1(0);
    long memory0, memory1;
    int storming = !strcmp(mode, "storm");
    if (storming) say_where("begin");
    double cpu0 = usage(&memory0), opening = storm();
    if (storming) say_where("end");
    run_for(1);
    double cpu1 = usage(&memory1);
    if (storming) {
        run_for(seconds);
        double idle = 100 * (usage(&memory1) - cpu1) / seconds;
        printf("{\"opened\":%lu,\"failed\":%lu,\"lost\":%lu,\"seconds\":%.3f,\"cpu\":%.2f,"
               "\"kib\":%.2f,\"idle\":%.2f}\n",
               opened, failed, lost, opening, cpu1 - cpu0, (memory1 - memory0) / (double)count, idle);
        return 0;
    }
    uint64_t begin = now(), warm = begin + warm_up * 1e9, end = warm + seconds * 1e9, said = 0;
    if (*mode == 'f') fan(warm); else at_rate(begin, warm, &said);
    measuring = 1;
    uint64_t sent0 = sent;
    say_where("begin");
    cpu0 = usage(0);
    if (*mode == 'f') fan(end); else at_rate(begin, end, &said);
    measuring = 0;
    cpu1 = usage(0);
    say_where("end");
    uint64_t measured_sent = sent - sent0, expected = sent * (count / rooms), late = now() + 15000000000ull;
    while (heard < expected && now() < late) turn(20);
    printf("{\"opened\":%lu,\"failed\":%lu,\"lost\":%lu,\"deliveries\":%.0f,\"messages\":%.1f,"
           "\"missing\":%ld,\"disorder\":%lu,\"own_disorder\":%lu,\"p50\":%.3f,\"p99\":%.3f,\"cpu\":%.1f}\n",
           opened, failed, lost, measured / seconds, measured_sent / seconds,
           (long)(expected - heard), disorder, own_disorder, quantile(.5), quantile(.99), 100 * (cpu1 - cpu0) / seconds);
    return 0;
}
