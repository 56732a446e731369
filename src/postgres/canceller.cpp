#include "postgres/canceller.hpp"

#include <array>
#include <thread>

namespace lintas::postgres {

Canceller& Canceller::instance() {
    static Canceller* const canceller = new Canceller;
    return *canceller;
}

Canceller::Canceller() {
    std::thread{[this] { work(); }}.detach();
}

void Canceller::request(CancelHandle handle, CancelsPending pending) {
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= kQueueLimit) return;
        pending->fetch_add(1);
        queue_.push_back(Request{std::move(handle), std::move(pending)});
    }
    wake_.notify_one();
}

void Canceller::work() {
    std::unique_lock lock{mutex_};
    while (true) {
        wake_.wait(lock, [this] { return !queue_.empty(); });
        const Request request = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        std::array<char, 256> why{};
        // Returns when the server has closed that connection, which it does after the signal.
        PQcancel(request.handle.get(), why.data(), static_cast<int>(why.size()));
        request.pending->fetch_sub(1);
        lock.lock();
    }
}

}  // namespace lintas::postgres
