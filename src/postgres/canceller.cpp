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

void Canceller::request(CancelHandle handle) {
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= kQueueLimit) return;
        queue_.push_back(std::move(handle));
    }
    wake_.notify_one();
}

void Canceller::work() {
    std::unique_lock lock{mutex_};
    while (true) {
        wake_.wait(lock, [this] { return !queue_.empty(); });
        const CancelHandle handle = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        std::array<char, 256> why{};
        PQcancel(handle.get(), why.data(), static_cast<int>(why.size()));
        lock.lock();
    }
}

}  // namespace lintas::postgres
