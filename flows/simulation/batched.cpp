// The batched simulation engine: a Verilator model as a shared library that runs many cycles a call.
//
// "model.h" is generated beside this file for each design. It includes the model and defines
//   GATEWRIGHT_CLOCK, GATEWRIGHT_RESET    members of the clock and the reset (absent: combinational)
//   GATEWRIGHT_INPUTS(X)                  X(member, first word) for each input but clock and reset
//   GATEWRIGHT_OUTPUTS(X)                 the same for each output
//   GATEWRIGHT_SOURCES(X)                 X(index, valid, ready, payload) for each input stream:
//                                         the ports of `top`, or `no_payload`
//   GATEWRIGHT_SINKS(X)                   the same for each output stream
//   GATEWRIGHT_IN_WORDS, GATEWRIGHT_OUT_WORDS, GATEWRIGHT_SOURCE_COUNT, GATEWRIGHT_SINK_COUNT,
//   GATEWRIGHT_PAYLOAD_WORDS              the widest payload
// A row is all ports of one direction, each in 32-bit words of its own, low word first.

#include <cstdint>
#include <cstring>
#include <memory>

#include "model.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

// The run-time library asks for these when it holds the VPI, which nothing here uses.
extern "C" void vlog_startup_routines_bootstrap() {}

namespace {

inline void put(CData& port, const uint32_t* words) { port = static_cast<CData>(*words); }
inline void put(SData& port, const uint32_t* words) { port = static_cast<SData>(*words); }
inline void put(IData& port, const uint32_t* words) { port = *words; }
inline void put(QData& port, const uint32_t* words) { std::memcpy(&port, words, sizeof port); }
template <std::size_t N>
inline void put(VlWide<N>& port, const uint32_t* words) {
    std::memcpy(port.data(), words, sizeof(EData) * N);
}

inline void get(const CData& port, uint32_t* words) { *words = port; }
inline void get(const SData& port, uint32_t* words) { *words = port; }
inline void get(const IData& port, uint32_t* words) { *words = port; }
inline void get(const QData& port, uint32_t* words) { std::memcpy(words, &port, sizeof port); }
template <std::size_t N>
inline void get(const VlWide<N>& port, uint32_t* words) {
    std::memcpy(words, port.data(), sizeof(EData) * N);
}

struct Instance {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
};

inline void low(Vtop& top) {
#ifdef GATEWRIGHT_CLOCK
    top.GATEWRIGHT_CLOCK = 0;
#endif
    top.eval();
}

inline void edge(Vtop& top) {
#ifdef GATEWRIGHT_CLOCK
    top.GATEWRIGHT_CLOCK = 1;
    top.eval();
#endif
}

inline void set_inputs(Vtop& top, const uint32_t* row) {
#define X(member, word) put(top.member, row + word);
    GATEWRIGHT_INPUTS(X)
#undef X
}

inline void get_outputs(Vtop& top, uint32_t* row) {
#define X(member, word) get(top.member, row + word);
    GATEWRIGHT_OUTPUTS(X)
#undef X
}

// xorshift64*: the high half is the random number.
struct Random {
    uint64_t state;
    inline uint32_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return static_cast<uint32_t>((state * 0x2545F4914F6CDD1DULL) >> 32);
    }
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// One stream of a run, shared with Python: keep in step with `_Stream` in batched.py.
struct Stream {
    uint32_t* beats;     // [count][words]: what to send, or room for what arrives
    uint32_t* junk;      // [words]: what an input stream shows while it is not valid
    uint64_t* when;      // [count]: the cycle in which each beat moved
    uint64_t words;      // 32-bit words of a beat
    uint64_t count;      // beats to send or to expect
    uint64_t done;       // beats that moved
    uint64_t blocked;    // cycles with valid and no ready
    uint64_t idle;       // cycles with ready and no valid
    uint64_t enter;      // a stall begins when a random 32-bit number is below this
    uint64_t leave;      // and ends when one is below this
    uint64_t stalled;    // whether a stall is on
    uint64_t valid;      // the wires as they were in the last cycle
    uint64_t ready;
};

enum Status { FINISHED = 0, DEADLOCK = 1, UNSTABLE = 2, SURPLUS = 3, LIMIT = 4 };

// What a run came to: keep in step with `_Outcome` in batched.py.
struct Outcome {
    uint64_t status;
    uint64_t stream;  // the output stream that broke a rule
    uint64_t cycles;
};

void* gatewright_new(uint64_t seed) {
    auto* instance = new Instance;
    // What reset does not define starts random, so that a forgotten reset shows.
    instance->context.randReset(2);
    instance->context.randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
    instance->top = std::make_unique<Vtop>(&instance->context, "top");
    return instance;
}

void gatewright_delete(void* handle) { delete static_cast<Instance*>(handle); }

// Inputs zero, then reset low, high for `cycles`, low.
void gatewright_reset(void* handle, uint64_t cycles) {
    Vtop& top = *static_cast<Instance*>(handle)->top;
    static const uint32_t zeros[GATEWRIGHT_IN_WORDS + 1] = {};
    set_inputs(top, zeros);
#ifdef GATEWRIGHT_RESET
    top.GATEWRIGHT_RESET = 0;
    low(top);
    top.GATEWRIGHT_RESET = 1;
    for (uint64_t cycle = 0; cycle < cycles; ++cycle) {
        low(top);
        edge(top);
    }
    top.GATEWRIGHT_RESET = 0;
#endif
    low(top);
}

void gatewright_set_inputs(void* handle, const uint32_t* row) {
    set_inputs(*static_cast<Instance*>(handle)->top, row);
}

void gatewright_get_outputs(void* handle, uint32_t* row) {
    Vtop& top = *static_cast<Instance*>(handle)->top;
    low(top);
    get_outputs(top, row);
}

// Row i of `outputs` is what stands on the outputs while row i of `inputs` is applied, just before
// the clock edge that ends the cycle.
void gatewright_run_cycles(void* handle, uint64_t count, const uint32_t* inputs,
                           uint32_t* outputs) {
    Vtop& top = *static_cast<Instance*>(handle)->top;
    for (uint64_t cycle = 0; cycle < count; ++cycle) {
        set_inputs(top, inputs);
        low(top);
        get_outputs(top, outputs);
        edge(top);
        inputs += GATEWRIGHT_IN_WORDS;
        outputs += GATEWRIGHT_OUT_WORDS;
    }
}

// Send every beat of `sources` and collect the expected beats of `sinks`, then watch `drain` cycles
// for surplus ones. Ends early when no beat moved for `watchdog` cycles, or after `limit` cycles.
void gatewright_run_streams(void* handle, Stream* sources, Stream* sinks, uint64_t seed,
                            uint64_t watchdog, uint64_t drain, uint64_t limit,
                            Outcome* outcome) {
    Vtop& top = *static_cast<Instance*>(handle)->top;
    Random random{seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL};
    if (random.state == 0) random.state = 1;
    uint32_t held[GATEWRIGHT_SINK_COUNT + 1][GATEWRIGHT_PAYLOAD_WORDS];
    uint32_t now[GATEWRIGHT_PAYLOAD_WORDS];
    CData no_payload = 0;
    (void)held, (void)now, (void)no_payload;  // a design may have no streams
    uint64_t open = 0;  // beats that must still move
    for (int s = 0; s < GATEWRIGHT_SOURCE_COUNT; ++s) open += sources[s].count;
    for (int s = 0; s < GATEWRIGHT_SINK_COUNT; ++s) open += sinks[s].count;
    uint64_t quiet = 0;
    const auto stalls = [&random](Stream& stream) {
        if (stream.enter == 0) return false;
        const uint32_t number = random.next();
        stream.stalled = stream.stalled ? number >= stream.leave : number < stream.enter;
        return stream.stalled != 0;
    };
    uint64_t cycle = 0;
    for (;; ++cycle) {
        if (open == 0 ? quiet >= drain : quiet >= watchdog) {
            outcome->status = open == 0 ? FINISHED : DEADLOCK;
            break;
        }
        if (cycle >= limit) {
            outcome->status = LIMIT;
            break;
        }
        ++quiet;
#define X(index, valid_port, ready_port, payload_port)                              \
    {                                                                               \
        Stream& stream = sources[index];                                            \
        if (!(stream.valid && !stream.ready)) {                                     \
            const bool go = stream.done < stream.count && !stalls(stream);          \
            stream.valid = go;                                                      \
            valid_port = go;                                                    \
            put(payload_port, go ? stream.beats + stream.done * stream.words : stream.junk); \
        }                                                                           \
    }
        GATEWRIGHT_SOURCES(X)
#undef X
#define X(index, valid_port, ready_port, payload_port)     \
    {                                                      \
        Stream& stream = sinks[index];                     \
        if (stream.valid && !stream.ready) stream.valid = 2; /* held over from last cycle */ \
        stream.ready = !stalls(stream);                    \
        ready_port = stream.ready;                     \
    }
        GATEWRIGHT_SINKS(X)
#undef X
        low(top);
#define X(index, valid_port, ready_port, payload_port)   \
    {                                                    \
        Stream& stream = sources[index];                 \
        stream.ready = ready_port;                   \
        if (!stream.valid) {                             \
            stream.idle += stream.ready;                 \
        } else if (!stream.ready) {                      \
            ++stream.blocked;                            \
        } else {                                         \
            stream.when[stream.done++] = cycle;          \
            --open;                                      \
            quiet = 0;                                   \
        }                                                \
    }
        GATEWRIGHT_SOURCES(X)
#undef X
#define X(index, valid_port, ready_port, payload_port)                                  \
    {                                                                                   \
        Stream& stream = sinks[index];                                                  \
        const bool was_held = stream.valid == 2;                                        \
        stream.valid = valid_port;                                                  \
        if (stream.valid || was_held) {                                                 \
            get(payload_port, now);                                                 \
            if (was_held && (!stream.valid                                              \
                             || std::memcmp(now, held[index], stream.words * 4) != 0)) { \
                outcome->status = UNSTABLE;                                             \
                outcome->stream = index;                                                \
                break;                                                                  \
            }                                                                           \
            if (stream.done == stream.count) {                                          \
                outcome->status = SURPLUS;                                              \
                outcome->stream = index;                                                \
                break;                                                                  \
            }                                                                           \
            if (stream.ready) {                                                         \
                std::memcpy(stream.beats + stream.done * stream.words, now,             \
                            stream.words * 4);                                          \
                stream.when[stream.done++] = cycle;                                     \
                --open;                                                                 \
                quiet = 0;                                                              \
            } else {                                                                    \
                ++stream.blocked;                                                       \
                std::memcpy(held[index], now, stream.words * 4);                        \
            }                                                                           \
        } else {                                                                        \
            stream.idle += stream.ready;                                                \
        }                                                                               \
    }
        GATEWRIGHT_SINKS(X)
#undef X
        edge(top);
    }
    outcome->cycles = cycle;
}

}  // extern "C"
#pragma GCC visibility pop
