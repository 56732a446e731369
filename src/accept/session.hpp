#pragma once
// One connection: read, handle, write, and every way in which that can take too long.

#include <array>
#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "accept/listener.hpp"
#include "accept/reply_writer.hpp"
#include "accept/request_reader.hpp"
#include "accept/server.hpp"
#include "accept/watch.hpp"

namespace lintas::accept {

/// What a connection needs while it has work, and gives back when it is idle.
struct Workspace {
    Workspace(const ServerLimits& limits, unsigned limits_version_)
        : reader{limits}, limits_version{limits_version_} {}
    RequestReader reader;
    ReplyWriter writer;
    unsigned limits_version;  // of the limits that the reader was made with
};

/// Last in, first out, so that the next request finds its buffers in the processor's cache.
class WorkspacePool {
 public:
    explicit WorkspacePool(const ServerLimits& limits) : limits_{limits} {}
    std::unique_ptr<Workspace> take();
    void give_back(std::unique_ptr<Workspace> workspace);
    /// The limits have changed: workspaces made with the old ones end with their request.
    void limits_changed();

 private:
    const ServerLimits& limits_;
    unsigned limits_version_ = 0;
    std::vector<std::unique_ptr<Workspace>> free_;
};

/// Written by one thread only, so an increment needs no locked instruction.
class Counter {
 public:
    void add(std::uint64_t n) { value_.store(value() + n, std::memory_order_relaxed); }
    void subtract(std::uint64_t n) { value_.store(value() - n, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::uint64_t> value_{0};
};

/// What the connections of a thread share. Outlives them: each holds it.
struct Shared {
    Shared(asio::io_context& loop, Handler& handler_, ServerLimits limits_,
           std::shared_ptr<std::atomic<std::size_t>> open_connections_)
        : handler{handler_},
          limits{limits_},
          open_connections{std::move(open_connections_)},
          watch{loop, limits.tick},
          workspaces{limits} {}

    Handler& handler;
    ServerLimits limits;
    const std::shared_ptr<std::atomic<std::size_t>> open_connections;
    Watch watch;
    WorkspacePool workspaces;
    bool draining = false;
    bool aborting = false;
    Counter connections;
    Counter in_flight;
    Counter accepted;
    Counter shed;
};

using TlsSocket = asio::ssl::stream<Socket>;

/// A base before Watched, so that the watch is still there when Watched leaves it.
struct HoldsShared {
    std::shared_ptr<Shared> shared_;
};

/// Stream is Socket or TlsSocket. Lives inside its own coroutine, run().
template <class Stream>
class Session final : private HoldsShared, public Watched {
 public:
    /// `shed`: over the limit of connections; it is told so and closed, whatever it asks.
    Session(std::shared_ptr<Shared> shared, Stream stream, const asio::ip::tcp::endpoint& peer,
            bool shed);
    ~Session() override;

    /// Ends when the connection does. Terminal cancellation, if neither Watch nor drain asked for
    /// it, ends it without an answer. Leaks what the handler throws.
    static Task<void> run(std::unique_ptr<Session> self);

    /// What Watch, drain and abort cancel the coroutine with; set before the loop runs it.
    void set_signal(asio::cancellation_signal& signal) { signal_ = &signal; }

 private:
    static constexpr bool kTls = std::is_same_v<Stream, TlsSocket>;
    using Ec = boost::system::error_code;
    enum class After { read_more, close, linger };

    void on_due() override;
    void on_peer_gone() override;
    void on_loop_turn() override;
    void on_drain() override;
    int descriptor() const override;

    Socket& socket();
    RequestReader& reader() { return workspace_->reader; }
    ReplyWriter& writer() { return workspace_->writer; }
    void cancel();
    void take_workspace();
    void wait_phase();
    /// One read without waiting.
    std::size_t read_now(Ec& ec);
    /// Sends what the kernel takes without waiting; true when nothing is left.
    bool send_now(Ec& ec);

    Task<void> serve();
    Task<bool> handshake();
    /// Sends everything; false when the connection is of no use any more.
    Task<bool> flush();
    Task<void> refuse(Error error, int status);
    Task<void> linger();

    Stream stream_;
    asio::cancellation_signal* signal_ = nullptr;
    std::unique_ptr<Workspace> workspace_;  // only while there is work
    Clock::time_point body_due_{};
    std::array<char, 56> peer_{};
    std::uint8_t peer_size_ = 0;
    bool shed_ = false;
    bool head_seen_ = false;  // body_due_ is of the request being read
    bool timed_out_ = false;  // Watch cancelled what was waited for
    bool late_ = false;       // handle() overran its deadline
    bool peer_gone_ = false;
};

extern template class Session<Socket>;
extern template class Session<TlsSocket>;

}  // namespace lintas::accept
