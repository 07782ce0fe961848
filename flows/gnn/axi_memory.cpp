// A graph engine as a shared library: its Verilator model, a master for its registers, and a model
// of the memory that it reads and writes.
//
// "model.h" is generated beside this file: it includes the model, and defines GNN_BUS_BYTES.

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <type_traits>

#include "model.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

// The run-time library asks for these when it holds the VPI, which nothing here uses.
extern "C" void vlog_startup_routines_bootstrap() {}

namespace {

constexpr uint64_t BUS = GNN_BUS_BYTES;
constexpr uint64_t BOUNDARY = 4096;
constexpr uint8_t SLAVE_ERROR = 2, DECODE_ERROR = 3;

// What was wrong on a bus: keep in step with `_VIOLATIONS` in engine_run.py.
enum Violation : uint64_t {
    NONE = 0,
    UNSTABLE = 1,      // an address or a beat changed or was withdrawn before it was taken
    BURST_KIND = 2,    // not whole beats, not INCR
    UNALIGNED = 3,     // an address within a beat
    CROSSES_4K = 4,
    WRONG_LAST = 5,    // the last beat of a write is not where the length says
    NO_RESPONSE = 6,   // a register access was not answered
};

// xorshift64*: the high half is the random number.
struct Random {
    uint64_t state;
    uint32_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return static_cast<uint32_t>((state * 0x2545F4914F6CDD1DULL) >> 32);
    }
};

struct Burst {
    uint64_t address, beats, due;
    uint8_t response;
};

// What a channel showed in the last cycle, and was not taken.
struct Held {
    bool waiting = false;
    uint64_t address = 0, extra = 0;
    bool changed(bool valid, uint64_t now, uint64_t more) const {
        return waiting && (!valid || now != address || more != extra);
    }
};

template <typename Port>
void put_beat(Port& port, const uint8_t* bytes) {
    if constexpr (std::is_integral_v<Port>)
        std::memcpy(&port, bytes, sizeof port);
    else
        std::memcpy(port.data(), bytes, BUS);
}

template <typename Port>
void get_beat(const Port& port, uint8_t* bytes) {
    if constexpr (std::is_integral_v<Port>)
        std::memcpy(bytes, &port, sizeof port);
    else
        std::memcpy(bytes, port.data(), BUS);
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// Keep in step with `_Memory` in engine_run.py.
struct Memory {
    uint8_t* bytes;
    uint64_t base, size;       // addresses outside are answered with DECERR
    uint64_t least, most;      // cycles from an address to its first beat, or to B
    uint64_t stall;            // every channel pauses in a cycle if a 32-bit number is below this
    uint64_t error_address;    // a read or write of this beat fails ...
    uint64_t error_response;   // ... with this response; 0 for none
    uint64_t error_writes;     // 1: writes fail, 0: reads
    uint64_t seed;
};

struct Engine {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    Memory memory{};
    Random random{1};
    uint64_t cycle = 0, violation = NONE;
    std::deque<Burst> reads, writes, responses;
    uint64_t read_beat = 0, write_beat = 0;
    Held ar, aw, w;
    bool rvalid = false, bvalid = false;

    bool stalls() { return memory.stall != 0 && random.next() < memory.stall; }
    uint64_t latency() {
        return memory.least + random.next() % (memory.most - memory.least + 1);
    }
    void broken(Violation what) {
        if (violation == NONE) violation = what;
    }
    bool inside(uint64_t address) const {
        return address >= memory.base && address + BUS <= memory.base + memory.size;
    }
    uint8_t response(uint64_t address, bool write) const {
        if (memory.error_response && write == (memory.error_writes != 0) &&
            address / BUS == memory.error_address / BUS)
            return static_cast<uint8_t>(memory.error_response);
        return inside(address) ? 0 : DECODE_ERROR;
    }
    void check(uint64_t address, uint64_t beats, uint64_t size, uint64_t kind) {
        if ((1ULL << size) != BUS || kind != 1) broken(BURST_KIND);
        if (address % BUS) broken(UNALIGNED);
        if (address / BOUNDARY != (address + beats * BUS - 1) / BOUNDARY) broken(CROSSES_4K);
    }
    void take(std::deque<Burst>& queue, uint64_t address, uint64_t length) {
        // One identifier: answers keep the order of the addresses.
        uint64_t due = cycle + latency();
        if (!queue.empty() && queue.back().due > due) due = queue.back().due;
        queue.push_back({address, length + 1, due, 0});
    }
    void step();
};

void Engine::step() {
    Vtop& t = *top;
    t.axi___05Farready = !stalls();
    t.axi___05Fawready = !stalls();
    // W beats go with the address that came before them.
    t.axi___05Fwready = !writes.empty() && !stalls();
    if (!rvalid && !reads.empty() && reads.front().due <= cycle && !stalls()) {
        const Burst& burst = reads.front();
        const uint64_t address = burst.address + read_beat * BUS;
        static const uint8_t nothing[BUS] = {};
        const bool there = inside(address);
        put_beat(t.axi___05Frdata, there ? memory.bytes + (address - memory.base) : nothing);
        t.axi___05Frresp = response(address, false);
        t.axi___05Frlast = read_beat + 1 == burst.beats;
        rvalid = true;
    }
    if (!bvalid && !responses.empty() && responses.front().due <= cycle && !stalls()) {
        t.axi___05Fbresp = responses.front().response;
        bvalid = true;
    }
    t.axi___05Frvalid = rvalid;
    t.axi___05Fbvalid = bvalid;
    t.clk = 0;
    t.eval();
    if (ar.changed(t.axi___05Farvalid, t.axi___05Faraddr, t.axi___05Farlen)) broken(UNSTABLE);
    if (aw.changed(t.axi___05Fawvalid, t.axi___05Fawaddr, t.axi___05Fawlen)) broken(UNSTABLE);
    if (w.changed(t.axi___05Fwvalid, 0, t.axi___05Fwlast)) broken(UNSTABLE);
    ar = {t.axi___05Farvalid && !t.axi___05Farready, t.axi___05Faraddr, t.axi___05Farlen};
    aw = {t.axi___05Fawvalid && !t.axi___05Fawready, t.axi___05Fawaddr, t.axi___05Fawlen};
    w = {t.axi___05Fwvalid && !t.axi___05Fwready, 0, t.axi___05Fwlast};
    if (rvalid && t.axi___05Frready) {
        rvalid = false;
        if (++read_beat == reads.front().beats) {
            read_beat = 0;
            reads.pop_front();
        }
    }
    if (bvalid && t.axi___05Fbready) {
        bvalid = false;
        responses.pop_front();
    }
    if (t.axi___05Fwvalid && t.axi___05Fwready) {
        Burst& burst = writes.front();
        const uint64_t address = burst.address + write_beat * BUS;
        const uint8_t answer = response(address, true);
        if (answer > burst.response) burst.response = answer;
        if (inside(address) && answer == 0)
            get_beat(t.axi___05Fwdata, memory.bytes + (address - memory.base));
        ++write_beat;
        if ((write_beat == burst.beats) != static_cast<bool>(t.axi___05Fwlast)) broken(WRONG_LAST);
        if (write_beat == burst.beats) {
            write_beat = 0;
            responses.push_back(burst);
            Burst& last = responses.back();
            if (last.due < cycle + memory.least) last.due = cycle + memory.least;
            writes.pop_front();
        }
    }
    if (t.axi___05Farvalid && t.axi___05Farready) {
        check(t.axi___05Faraddr, t.axi___05Farlen + 1ULL, t.axi___05Farsize, t.axi___05Farburst);
        take(reads, t.axi___05Faraddr, t.axi___05Farlen);
    }
    if (t.axi___05Fawvalid && t.axi___05Fawready) {
        check(t.axi___05Fawaddr, t.axi___05Fawlen + 1ULL, t.axi___05Fawsize, t.axi___05Fawburst);
        take(writes, t.axi___05Fawaddr, t.axi___05Fawlen);
    }
    t.clk = 1;
    t.eval();
    ++cycle;
}

void* gnn_new(uint64_t seed) {
    auto* engine = new Engine;
    // What reset does not define starts random, so that a forgotten reset shows.
    engine->context.randReset(2);
    engine->context.randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
    engine->top = std::make_unique<Vtop>(&engine->context, "top");
    Vtop& t = *engine->top;
    t.control___05Fawvalid = t.control___05Fwvalid = t.control___05Farvalid = 0;
    t.control___05Fbready = t.control___05Frready = 1;
    t.control___05Fwstrb = 15;
    t.axi___05Farready = t.axi___05Fawready = t.axi___05Fwready = 0;
    t.axi___05Frvalid = t.axi___05Fbvalid = 0;
    for (int cycle = 0; cycle < 4; ++cycle) {
        t.rst = 1;
        t.clk = 0;
        t.eval();
        t.clk = 1;
        t.eval();
    }
    t.rst = 0;
    return engine;
}

void gnn_delete(void* handle) { delete static_cast<Engine*>(handle); }

void gnn_set_memory(void* handle, const Memory* memory) {
    auto& engine = *static_cast<Engine*>(handle);
    engine.memory = *memory;
    engine.random.state = memory->seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL;
    if (engine.random.state == 0) engine.random.state = 1;
}

// The response in the high half, and what was read in the low one.
uint64_t gnn_read(void* handle, uint64_t address) {
    auto& engine = *static_cast<Engine*>(handle);
    Vtop& t = *engine.top;
    t.control___05Farvalid = 1;
    t.control___05Faraddr = static_cast<CData>(address);
    for (int wait = 0; wait < 100; ++wait) {
        t.clk = 0;
        t.eval();
        const bool taken = t.control___05Farvalid && t.control___05Farready;
        if (t.control___05Frvalid) {
            const uint64_t word = t.control___05Frdata;
            const uint64_t answer = t.control___05Frresp;
            engine.step();
            return answer << 32 | word;
        }
        engine.step();
        if (taken) t.control___05Farvalid = 0;
    }
    engine.broken(NO_RESPONSE);
    return 0;
}

uint64_t gnn_write(void* handle, uint64_t address, uint64_t word) {
    auto& engine = *static_cast<Engine*>(handle);
    Vtop& t = *engine.top;
    t.control___05Fawvalid = t.control___05Fwvalid = 1;
    t.control___05Fawaddr = static_cast<CData>(address);
    t.control___05Fwdata = static_cast<IData>(word);
    for (int wait = 0; wait < 100; ++wait) {
        t.clk = 0;
        t.eval();
        const bool address_taken = t.control___05Fawvalid && t.control___05Fawready;
        const bool word_taken = t.control___05Fwvalid && t.control___05Fwready;
        if (t.control___05Fbvalid) {
            const uint64_t answer = t.control___05Fbresp;
            engine.step();
            return answer;
        }
        engine.step();
        if (address_taken) t.control___05Fawvalid = 0;
        if (word_taken) t.control___05Fwvalid = 0;
    }
    engine.broken(NO_RESPONSE);
    return 0;
}

// Verilator takes "interrupt" for a word of C++, and writes a mark before it.
//
// Run until the interrupt, at most `limit` cycles; return how many there were.
uint64_t gnn_run(void* handle, uint64_t limit) {
    auto& engine = *static_cast<Engine*>(handle);
    uint64_t cycles = 0;
    while (cycles < limit && !engine.top->__SYM__interrupt && engine.violation == NONE) {
        engine.step();
        ++cycles;
    }
    return cycles;
}

uint64_t gnn_violation(void* handle) { return static_cast<Engine*>(handle)->violation; }

// Bursts whose answer is still to come: none after a reset.
uint64_t gnn_under_way(void* handle) {
    auto& engine = *static_cast<Engine*>(handle);
    return engine.reads.size() + engine.writes.size() + engine.responses.size();
}

}  // extern "C"
#pragma GCC visibility pop
