#include "accept/watch.hpp"

#include <poll.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/assert.hpp"

namespace lintas::accept {

Watched::Watched(Watch& watch) : watch_{watch} {
    watch_.link(*this, watch_.active_);
    ++watch_.size_;
    watch_.arm();
}

Watched::~Watched() {
    watch_.unlink(*this);
    --watch_.size_;
    if (poll_index_ >= 0) watch_.polled_[static_cast<std::size_t>(poll_index_)] = nullptr;
    if (flush_asked_) std::erase(watch_.flushes_, this);
}

Watch::Watch(asio::io_context& loop, Clock::duration tick)
    : timer_{loop}, tick_{tick}, self_{std::make_shared<Watch*>(this)} {}

Watch::~Watch() {
    LINTAS_ASSERT(size_ == 0);
    *self_ = nullptr;
}

void Watch::link(Watched& watched, List& list) {
    watched.before_ = list.last;
    watched.after_ = nullptr;
    (list.last ? list.last->after_ : list.first) = &watched;
    list.last = &watched;
    watched.waits_in_idle_ = &list == &idle_;
}

void Watch::unlink(Watched& watched) {
    List& list = watched.waits_in_idle_ ? idle_ : active_;
    if (cursor_ == &watched) cursor_ = watched.after_;
    (watched.before_ ? watched.before_->after_ : list.first) = watched.after_;
    (watched.after_ ? watched.after_->before_ : list.last) = watched.before_;
}

void Watch::set_idle(Watched& watched, Clock::duration wait) {
    unlink(watched);
    link(watched, idle_);
    watched.phase_ = Phase::idle;
    watched.due_ = now_ + wait;
}

void Watch::set(Watched& watched, Phase phase, Clock::time_point due) {
    if (watched.waits_in_idle_) {
        unlink(watched);
        link(watched, active_);
    }
    watched.phase_ = phase;
    watched.due_ = due;
    watched.seen_handling_ = false;
}

void Watch::ask_flush(Watched& watched) {
    if (watched.flush_asked_) return;
    watched.flush_asked_ = true;
    flushes_.push_back(&watched);
    if (flush_posted_) return;
    flush_posted_ = true;
    asio::post(timer_.get_executor(), [self = self_] {
        Watch* const watch = *self;
        if (watch == nullptr) return;
        watch->flush_posted_ = false;
        while (!watch->flushes_.empty()) {
            Watched* const watched_now = watch->flushes_.back();
            watch->flushes_.pop_back();
            watched_now->flush_asked_ = false;
            watched_now->on_loop_turn();
        }
    });
}

void Watch::arm() {
    if (armed_) return;
    armed_ = true;
    now_ = Clock::now();
    timer_.expires_at(now_ + tick_);
    timer_.async_wait([self = self_](const boost::system::error_code& ec) {
        Watch* const watch = *self;
        if (watch == nullptr) return;
        watch->armed_ = false;
        if (!ec) watch->on_tick();
    });
}

void Watch::on_tick() {
    now_ = Clock::now();
    while (idle_.first != nullptr && idle_.first->due_ <= now_) {
        Watched& watched = *idle_.first;
        set(watched, Phase::idle, Clock::time_point::max());
        watched.on_due();
    }
    std::size_t handling = 0;
    for (cursor_ = active_.first; cursor_ != nullptr;) {
        Watched& watched = *cursor_;
        cursor_ = watched.after_;
        if (watched.phase_ == Phase::handling) {
            if (watched.seen_handling_) ++handling;
            watched.seen_handling_ = true;
        }
        if (watched.due_ <= now_) {
            watched.due_ = Clock::time_point::max();
            watched.on_due();
        }
    }
    if (handling > 0) look_for_peers();
    if (size_ > 0) arm();
}

/// One poll(2) for all of them: Asio has no way to ask for a half-closed peer.
void Watch::look_for_peers() {
    std::vector<pollfd> descriptors;
    for (Watched* watched = active_.first; watched != nullptr; watched = watched->after_) {
        if (watched->phase_ != Phase::handling || !watched->seen_handling_) continue;
        watched->poll_index_ = static_cast<std::int32_t>(polled_.size());
        polled_.push_back(watched);
        descriptors.push_back({watched->descriptor(), POLLRDHUP, 0});
    }
    const int gone = ::poll(descriptors.data(), descriptors.size(), 0);
    for (std::size_t i = 0; i < polled_.size(); ++i) {
        if (polled_[i] == nullptr) continue;
        polled_[i]->poll_index_ = -1;
        if (gone > 0 && (descriptors[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
            polled_[i]->on_peer_gone();
    }
    polled_.clear();
}

}  // namespace lintas::accept
