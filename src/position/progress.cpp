#include "position/progress.hpp"

#include <algorithm>

namespace lintas::position {

Progress::Progress() : lineage_(std::make_shared<const Lineage>()) {}

void Progress::advance(Lsn to) {
    if (watermark_.load(std::memory_order_relaxed) >= to) return;
    watermark_.store(to, std::memory_order_release);
}

void Progress::begin_restart() {
    restarts_.fetch_add(1, std::memory_order_acq_rel);
    std::atomic_thread_fence(std::memory_order_release);
}

void Progress::end_restart() {
    restarts_.fetch_add(1, std::memory_order_acq_rel);
}

void Progress::restart_feed(Lsn from, bool continuous) {
    begin_restart();
    if (!continuous) {
        stamps_.set_global_floor(from);
        watermark_.store(from, std::memory_order_release);
        note_schema_change(from);  // one may have been missed
        breaks_.fetch_add(1, std::memory_order_relaxed);
    }
    commits_.restart(from);
    end_restart();
}

void Progress::change_lineage(Lineage next) {
    const std::shared_ptr<const Lineage> known = lineage_.get();
    if (*known == next) return;
    const bool first = known->system_id == 0;
    begin_restart();
    if (!first) {
        stamps_.set_global_floor(kEndOfTime);
        watermark_.store(kNoLsn, std::memory_order_release);
        commits_.restart(kEndOfTime);
        written_.store(kNoLsn, std::memory_order_relaxed);
        schema_changed_at_.store(kNoLsn, std::memory_order_relaxed);
        note_schema_change(kNoLsn);
        breaks_.fetch_add(1, std::memory_order_relaxed);
    }
    samples_.clear();
    lineage_.set(std::make_shared<const Lineage>(std::move(next)));
    end_restart();
}

void Progress::note_schema_change(Lsn end) {
    if (schema_changed_at_.load(std::memory_order_relaxed) < end) {
        schema_changed_at_.store(end, std::memory_order_relaxed);
    }
    schema_epoch_.fetch_add(1, std::memory_order_release);
}

std::uint64_t Progress::readable_schema_epoch() const {
    const std::uint64_t epoch = schema_epoch();
    const Lsn changed_at = schema_changed_at_.load(std::memory_order_relaxed);
    return commits_.all_visible() >= changed_at ? epoch : kNoEpoch;
}

void Progress::saw_written(Lsn lsn) {
    Lsn seen = written_.load(std::memory_order_relaxed);
    while (seen < lsn && !written_.compare_exchange_weak(seen, lsn, std::memory_order_relaxed)) {
    }
}

}  // namespace lintas::position
