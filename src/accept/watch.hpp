#pragma once
// Time for all connections of a thread with one timer: a timer for each read would cost more than
// the request that it guards.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/deadline.hpp"
#include "base/task.hpp"

namespace lintas::accept {

enum class Phase : std::uint8_t {
    idle,       // between two requests
    handshake,  // TLS
    header,     // a request has begun to arrive
    body,       // its head is complete
    handling,   // the handler has it
    writing,    // the client is slow to take the answer
    lingering,  // the answer is out; what still arrives is thrown away
};

class Watch;

/// One connection as Watch sees it. Leaves the watch when it is destroyed.
class Watched {
 public:
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    Phase phase() const { return phase_; }

    /// `due` has passed, within a tick. Called once for each time that due was set.
    virtual void on_due() = 0;
    /// The client closed its connection while the handler works. Called every tick while it does.
    virtual void on_peer_gone() = 0;
    /// The loop turns while answers wait for one that is not ready yet.
    virtual void on_loop_turn() = 0;
    /// No request after the one in hand.
    virtual void on_drain() = 0;
    virtual int descriptor() const = 0;

 protected:
    explicit Watched(Watch& watch);
    virtual ~Watched();

 private:
    friend class Watch;
    Watch& watch_;
    Watched* before_ = nullptr;
    Watched* after_ = nullptr;
    Clock::time_point due_ = Clock::time_point::max();
    Phase phase_ = Phase::idle;
    bool waits_in_idle_ = false;
    bool seen_handling_ = false;  // for a whole tick: only then the client is looked for
    bool flush_asked_ = false;
    std::int32_t poll_index_ = -1;
};

/// Ticks only while there is something to watch. Thread: the loop's.
class Watch {
 public:
    Watch(asio::io_context& loop, Clock::duration tick);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// Idle connections are in the order in which they became idle, so a tick looks at the first
    /// only: `wait` must be the same for all of them.
    void set_idle(Watched& watched, Clock::duration wait);
    void set(Watched& watched, Phase phase, Clock::time_point due);
    void set_due(Watched& watched, Clock::time_point due) { watched.due_ = due; }
    /// Calls on_loop_turn() once, when the loop gets control again.
    void ask_flush(Watched& watched);

    /// Calls `what` for each connection; it may end connections, also this one.
    template <class What>
    void for_each(What what) {
        for (List* const list : {&active_, &idle_}) {
            for (cursor_ = list->first; cursor_ != nullptr;) {
                Watched& watched = *cursor_;
                cursor_ = watched.after_;
                what(watched);
            }
        }
    }

    /// The time of the last tick: exact enough for timeouts, and free.
    Clock::time_point now() const { return now_; }
    Clock::duration tick() const { return tick_; }
    std::size_t size() const { return size_; }

 private:
    friend class Watched;
    struct List {
        Watched* first = nullptr;
        Watched* last = nullptr;
    };

    void link(Watched& watched, List& list);
    void unlink(Watched& watched);
    void arm();
    void on_tick();
    void look_for_peers();

    asio::steady_timer timer_;
    const Clock::duration tick_;
    Clock::time_point now_ = Clock::now();
    List idle_;
    List active_;
    Watched* cursor_ = nullptr;  // the next one of a walk; moved on when that one leaves
    std::size_t size_ = 0;
    bool armed_ = false;
    bool flush_posted_ = false;
    std::vector<Watched*> polled_;  // nullptr: left meanwhile
    std::vector<Watched*> flushes_;
    std::shared_ptr<Watch*> self_;  // what a posted function finds empty when the watch has gone
};

}  // namespace lintas::accept
