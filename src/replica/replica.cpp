#include "replica/replica.hpp"

#include <algorithm>

namespace lintas::replica {

std::string_view to_text(State state) {
    switch (state) {
        case State::down:
            return "down";
        case State::up:
            return "up";
        case State::lagging:
            return "lagging";
        case State::quarantined:
            return "quarantined";
    }
    return "unknown";
}

std::string Replica::problem() const {
    const std::lock_guard lock{problem_mutex_};
    return problem_;
}

void Replica::found(Instance instance) {
    const std::shared_ptr<const Instance> known = instance_.get();
    timeline_.store(instance.timeline, std::memory_order_relaxed);
    if (known && *known == instance) return;
    instance_.set(std::make_shared<const Instance>(std::move(instance)));
}

void Replica::moved(position::Lsn replayed, std::chrono::nanoseconds round_trip) {
    replayed_.store(replayed, std::memory_order_relaxed);
    round_trip_.store(round_trip.count(), std::memory_order_relaxed);
}

bool Replica::set_state(State state, std::string problem) {
    const bool changed = state_.exchange(state, std::memory_order_relaxed) != state;
    const std::lock_guard lock{problem_mutex_};
    if (!changed && problem_ == problem) return false;
    problem_ = std::move(problem);
    return true;
}

Replicas::Replicas(const std::vector<Address>& addresses) {
    for (const Address& address : addresses)
        all_.push_back(std::make_unique<Replica>(address.name, address.url));
}

std::vector<Status> Replicas::status(const position::Progress& progress) const {
    const std::shared_ptr<const position::Lineage> lineage = progress.lineage().get();
    const Clock::time_point now = Clock::now();
    std::vector<Status> out;
    for (const std::unique_ptr<Replica>& replica : all_) {
        Status status;
        status.name = replica->name();
        status.state = replica->state();
        status.replayed = replica->replayed();
        status.round_trip = replica->round_trip();
        status.problem = replica->problem();
        if (lineage) {
            status.lag = lag_of(progress.samples(), lineage->history, status.replayed, now);
        }
        out.push_back(std::move(status));
    }
    return out;
}

void Replicas::begin_wait() {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) == 0) look_again();
}

void Replicas::look_again() {
    const std::lock_guard lock{mutex_};
    if (on_hurry_) on_hurry_();
}

void Replicas::set_monitor(std::function<void()> on_hurry) {
    const std::lock_guard lock{mutex_};
    on_hurry_ = std::move(on_hurry);
}

std::uint64_t Replicas::listen(std::function<void()> on_moved) {
    const std::lock_guard lock{mutex_};
    listeners_.emplace_back(++next_id_, std::move(on_moved));
    return next_id_;
}

void Replicas::unlisten(std::uint64_t id) {
    const std::lock_guard lock{mutex_};
    std::erase_if(listeners_, [&](const auto& listener) { return listener.first == id; });
}

void Replicas::tell_listeners() const {
    const std::lock_guard lock{mutex_};
    for (const auto& [id, on_moved] : listeners_) on_moved();
}

std::optional<std::chrono::nanoseconds> lag_of(const position::Samples& samples,
                                               const position::History& history,
                                               position::Position replayed, Clock::time_point now) {
    if (history.current() == 0 || !history.contains(replayed)) return std::nullopt;
    const std::optional<position::Samples::Sample> sample = samples.newest_within(replayed.lsn);
    if (!sample) return std::nullopt;
    return std::max<std::chrono::nanoseconds>(now - sample->at, {});
}

}  // namespace lintas::replica
