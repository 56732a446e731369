#include "position/freshness.hpp"

#include <algorithm>
#include <atomic>

namespace lintas::position {

namespace {

/// Is `wanted` satisfied, and does that need the stamps (`unchanged`) or only what was read?
enum class Satisfied { no, by_content, by_stamps };

Satisfied satisfied(const History& history, const Provenance& entry, bool unchanged, Lsn watermark,
                    Position wanted) {
    if (entry.as_of &&
        covers(history, {entry.timeline, entry.as_of}, wanted) == Coverage::covered) {
        return Satisfied::by_content;
    }
    const Position followed{history.current(), watermark};
    if (unchanged && covers(history, followed, wanted) == Coverage::covered) {
        return Satisfied::by_stamps;
    }
    return Satisfied::no;
}

std::optional<std::chrono::nanoseconds> age_of(const Samples& samples, Lsn complete_to,
                                               Clock::time_point now) {
    const std::optional<Samples::Sample> sample = samples.newest_within(complete_to);
    if (!sample) return std::nullopt;
    return std::max<std::chrono::nanoseconds>(now - sample->at, {});
}

}  // namespace

Wanted wanted_by(const Requirement& requirement, const Progress& progress, Timeline timeline) {
    Wanted wanted{.token = requirement.token};
    const auto sample = progress.samples().not_older_than(requirement.asked - requirement.bound);
    if (sample) wanted.bound = Position{timeline, sample->lsn};
    return wanted;
}

Verdict judge(const Provenance& entry, const Requirement& requirement, const Progress& progress,
              const Lineage& lineage, std::uint64_t schema, Clock::time_point now) {
    const std::uint64_t restarts = progress.restarts();
    const bool other_history = entry.system_id != lineage.system_id ||
                               !lineage.history.contains({entry.timeline, entry.hi});
    if (requirement.critical || restarts % 2 != 0 || other_history || entry.schema != schema) {
        return {};
    }
    // W first: a stamp of a commit up to it cannot be missed then.
    const Lsn watermark = progress.watermark();
    const Lsn newest = progress.stamps().newest(entry.dependencies);
    // Behind W too: a catalogue that is older than a change of the schema may name other tables.
    const bool same_schema = entry.schema_epoch == progress.schema_epoch();
    const bool unchanged = entry.as_of && same_schema && newest <= entry.as_of;
    const Wanted wanted = wanted_by(requirement, progress, lineage.history.current());
    std::atomic_thread_fence(std::memory_order_acquire);  // what was read stays before this
    if (progress.restarts() != restarts) return {};

    bool usable = true;
    if (wanted.token) {
        usable =
            satisfied(lineage.history, entry, unchanged, watermark, *wanted.token) != Satisfied::no;
    }
    const bool young = entry.read_at && *entry.read_at + requirement.bound >= requirement.asked;
    if (usable && !young) {
        usable = wanted.bound && satisfied(lineage.history, entry, unchanged, watermark,
                                           *wanted.bound) != Satisfied::no;
    }
    if (!usable) return {};

    Verdict verdict;
    const bool known_to_differ = !unchanged && entry.as_of && newest != kEndOfTime;
    verdict.kind = known_to_differ ? Verdict::Kind::changed : Verdict::Kind::fresh;
    const Lsn complete_to = unchanged ? std::max(entry.as_of, watermark) : entry.as_of;
    verdict.age = age_of(progress.samples(), complete_to, now);
    if (entry.read_at) {
        const std::chrono::nanoseconds since = now - *entry.read_at;
        verdict.age = verdict.age ? std::min(*verdict.age, since) : since;
    }
    return verdict;
}

Coverage replica_covers(const Wanted& wanted, const History& history, Position as_of) {
    Coverage worst = Coverage::covered;
    for (const std::optional<Position>& position : {wanted.token, wanted.bound}) {
        if (!position) continue;
        const Coverage coverage = covers(history, as_of, *position);
        if (coverage == Coverage::lost) return Coverage::lost;
        if (coverage == Coverage::behind) worst = Coverage::behind;
    }
    if (!wanted.bound) return Coverage::behind;
    return worst;
}

}  // namespace lintas::position
