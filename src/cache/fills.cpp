#include "cache/fills.hpp"

namespace lintas::cache {

namespace {

constexpr std::chrono::seconds kWaitMost{1};
constexpr std::chrono::milliseconds kLookAgain{2};

}  // namespace

Fills::Fills(asio::any_io_executor executor, Memory& memory, const position::Progress& progress)
    : memory_(memory), progress_(progress), timer_(std::move(executor)) {}

bool Fills::add(PrimaryFill fill) {
    if (progress_.watermark() >= fill.entry.from.hi) return finish(fill);
    const std::size_t bytes = fill.entry.bytes();
    if (closed_ || waiting_.size() >= kCountMax || bytes_ + bytes > kBytesMax) return false;
    bytes_ += bytes;
    waiting_.push_back(std::move(fill));
    look_later();
    return true;
}

void Fills::close() {
    closed_ = true;
    waiting_.clear();
    timer_.cancel();
}

bool Fills::finish(PrimaryFill& fill) {
    const std::optional<position::Lsn> complete =
        progress_.commits().complete_to(fill.flush, fill.snapshot, fill.asked);
    // After the look at the commits: had the feed started anew meanwhile, they were other ones.
    if (!complete || progress_.restarts() != fill.restarts) return false;
    fill.entry.from.as_of = *complete;
    return memory_.put(fill.key, std::make_shared<const Entry>(std::move(fill.entry)));
}

void Fills::look() {
    const position::Lsn watermark = progress_.watermark();
    const Clock::time_point now = Clock::now();
    std::erase_if(waiting_, [&](PrimaryFill& fill) {
        const bool reached = watermark >= fill.entry.from.hi;
        const bool late = now - fill.asked > kWaitMost;
        const bool void_ = progress_.restarts() != fill.restarts;
        if (!reached && !late && !void_) return false;
        bytes_ -= fill.entry.bytes();
        if (reached && !void_) finish(fill);
        return true;
    });
    if (!waiting_.empty()) look_later();
}

void Fills::look_later() {
    if (armed_) return;
    armed_ = true;
    timer_.expires_after(kLookAgain);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec) return;
        armed_ = false;
        look();
    });
}

}  // namespace lintas::cache
