// Samples the Python stacks of its own process by the processor time of each thread.
//
// A timer per thread counts what that thread uses, and signals it; the handler walks the thread's
// frames as they are at that moment, in C, so that nothing waits for the interpreter's lock and no
// sample is put down to what runs next. Each sample also has the machine's instruction: in the C
// library it says which call the thread was in.
//
// The layout of frames is the interpreter's own, so this is compiled for the Python that runs. A
// signal may come while a frame is half made: whatever a frame points to is read by the kernel,
// which answers a wild pointer with an error.
#define _GNU_SOURCE
#define Py_BUILD_CORE_MODULE
#include <Python.h>
#include <dlfcn.h>
#include <errno.h>
#include <internal/pycore_frame.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if PY_VERSION_HEX >= 0x030E0000
#error "The layout of this Python's frames was not read: benchmarks.profile knows 3.11 to 3.13."
#endif
#ifdef __x86_64__
#define INSTRUCTION(context) ((void *)(context)->uc_mcontext.gregs[REG_RIP])
#else
#define INSTRUCTION(context) ((void *)(context)->uc_mcontext.pc)
#endif

#define SAMPLES 65536
#define DEPTH 96
#define CODES 16384

typedef struct {
    void *instruction;
    uint32_t weight, depth;
    uint16_t codes[DEPTH];   // the innermost first
} Sample;

typedef struct {
    PyObject *code;
    int line;                // tells another code object at the same address
    char file[160], name[80];
} Code;

static Sample *samples;
static Code *codes;
static volatile uint32_t taken, missed;
static volatile int on;
static pid_t process;

static int read_safely(void *to, const void *from, size_t size) {
    struct iovec here = {to, size}, there = {(void *)from, size};
    return from && process_vm_readv(process, &here, 1, &there, 1, 0) == (ssize_t)size;
}

// The latter part of a text that is plain ASCII, as names of files and functions are.
static void copy(char *to, size_t room, PyObject *text) {
    PyASCIIObject head;
    *to = 0;
    if (!read_safely(&head, text, sizeof head)) return;
    if (head.ob_base.ob_type != &PyUnicode_Type || !head.state.compact || !head.state.ascii) return;
    size_t size = head.length, skipped = size >= room ? size - room + 1 : 0;
    if (read_safely(to, (char *)text + sizeof head + skipped, size - skipped)) to[size - skipped] = 0;
}

static uint16_t number_of(PyObject *address, PyCodeObject *code) {
    uint32_t at = ((uintptr_t)address >> 4) * 2654435761u % CODES;
    for (int tries = 0; tries < CODES; tries++, at = (at + 1) % CODES) {
        Code *c = &codes[at];
        if (c->code == address && c->line == code->co_firstlineno) return at;
        if (c->code) continue;
        if (!__sync_bool_compare_and_swap(&c->code, NULL, address)) continue;
        copy(c->file, sizeof c->file, code->co_filename);
        copy(c->name, sizeof c->name, code->co_name);
        c->line = code->co_firstlineno;
        return at;
    }
    return 0;
}

static uint32_t walk(uint16_t *found) {
    uint32_t depth = 0;
    PyThreadState *thread = PyGILState_GetThisThreadState();
    if (!thread) return 0;
#if PY_VERSION_HEX >= 0x030D0000
    _PyInterpreterFrame *at = thread->current_frame;
#else
    _PyCFrame head;
    if (!read_safely(&head, thread->cframe, sizeof head)) return 0;
    _PyInterpreterFrame *at = head.current_frame;
#endif
    _PyInterpreterFrame frame;
    PyCodeObject code;
    for (; depth < DEPTH && read_safely(&frame, at, sizeof frame); at = frame.previous) {
#if PY_VERSION_HEX >= 0x030D0000
        PyObject *address = frame.f_executable;
#else
        PyObject *address = (PyObject *)frame.f_code;
#endif
        // The interpreter has frames of its own between C and Python, which run no code.
        if (!read_safely(&code, address, sizeof code) || Py_TYPE(&code) != &PyCode_Type) continue;
        found[depth++] = number_of(address, &code);
    }
    return depth;
}

static void take(int number, siginfo_t *info, void *context) {
    int error = errno;
    if (on) {
        uint32_t at = __sync_fetch_and_add(&taken, 1);
        if (at < SAMPLES) {
            Sample *s = &samples[at];
            s->instruction = INSTRUCTION((ucontext_t *)context);
            s->weight = 1 + (info->si_overrun > 0 ? info->si_overrun : 0);
            s->depth = walk(s->codes);
        } else __sync_fetch_and_add(&missed, 1);
    }
    errno = error;
}

// Ready to sample; nothing is counted before `begin`.
int sampler_prepare(void) {
    size_t sizes[] = {SAMPLES * sizeof(Sample), CODES * sizeof(Code)};
    void *found[2];
    for (int i = 0; i < 2; i++) {
        found[i] = mmap(0, sizes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found[i] == MAP_FAILED) return -1;
    }
    process = getpid();
    samples = found[0];
    codes = found[1];
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_RESTART};
    return sigaction(SIGPROF, &action, NULL);
}

void sampler_begin(void) { taken = missed = 0; on = 1; }
void sampler_end(void) { on = 0; }

// Count a thread's time from now on: a sample each `interval` ns of its processor time.
int sampler_watch(int thread, long interval) {
    timer_t timer;
    // The kernel's name for the clock of a thread (include/linux/posix-timers_types.h).
    clockid_t clock = (~(clockid_t)thread) << 3 | 6;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event._sigev_un._tid = thread;
    if (timer_create(clock, &event, &timer)) return -1;
    struct itimerspec every = {{0, interval}, {0, interval}};
    return timer_settime(timer, 0, &every, NULL);
}

// One line a sample: its weight, the call of the C library it was in, and file, function, …
int sampler_write(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    uint32_t count = taken < SAMPLES ? taken : SAMPLES;
    fprintf(file, "%u\n", missed);
    for (uint32_t i = 0; i < count; i++) {
        Sample *s = &samples[i];
        Dl_info where = {0};
        int known = dladdr(s->instruction, &where);
        fprintf(file, "%u\t%s\t%s", s->weight, known && where.dli_fname ? where.dli_fname : "?",
                known && where.dli_sname ? where.dli_sname : "?");
        for (uint32_t d = 0; d < s->depth; d++)
            fprintf(file, "\t%s\t%s", codes[s->codes[d]].file, codes[s->codes[d]].name);
        fputc('\n', file);
    }
    return fclose(file);
}
