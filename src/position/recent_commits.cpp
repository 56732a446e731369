#include "position/recent_commits.hpp"

#include <algorithm>

namespace lintas::position {

namespace {

// Longer than any answer is on its way (limits.request_timeout is seldom more); older answers are
// simply not kept.
constexpr std::chrono::seconds kLooksKept{30};
// For visible_to(): replicas a few seconds behind find the commit they park at.
constexpr std::size_t kCommitsKept = 1U << 16U;
// A record that follows a page boundary begins behind the page's header (SizeOfXLogLongPHD).
constexpr std::uint64_t kPageHeader = 40;

}  // namespace

void RecentCommits::add(const Commit& commit) {
    const std::lock_guard lock{mutex_};
    commits_.push_back(commit);
    while (commits_.size() > limit_) {
        const Lsn all_visible_to = looks_.empty() ? known_from_ : looks_.back().all_visible_to;
        const Lsn end = commits_.front().end;
        commits_.pop_front();
        known_from_ = std::max(known_from_, end);
        // Nobody has seen it yet, and from now on nobody can ask for it: as after a restart, only
        // the end of every transaction of this time shows that it has become visible.
        if (end > all_visible_to) forget_looks();
    }
}

void RecentCommits::restart(Lsn from) {
    const std::lock_guard lock{mutex_};
    commits_.clear();
    known_from_ = from;
    mark_.reset();
    all_visible_ = kNoLsn;
    forget_looks();
}

void RecentCommits::forget_looks() {
    looks_.clear();
    settled_ = false;
    boundary_.reset();
}

bool RecentCommits::wants_boundary() const {
    const std::lock_guard lock{mutex_};
    return !settled_ && !boundary_ && known_from_ != kEndOfTime;
}

void RecentCommits::set_boundary(std::uint64_t xid) {
    const std::lock_guard lock{mutex_};
    if (!settled_ && !boundary_) boundary_ = xid;
}

void RecentCommits::observed(const Snapshot& snapshot, Lsn flush, Lsn watermark,
                             Clock::time_point at) {
    const std::lock_guard lock{mutex_};
    if (mark_ && snapshot.oldest_running() > mark_->xid) {
        all_visible_ = std::max(all_visible_, mark_->flush);
        mark_.reset();
    }
    if (known_from_ == kEndOfTime) return;  // the feed has not begun on this timeline yet
    if (!settled_) {
        if (!boundary_ || snapshot.oldest_running() <= *boundary_) return;
        settled_ = true;
    }
    Lsn all_visible_to = std::min(flush, watermark);
    const Lsn before = looks_.empty() ? known_from_ : looks_.back().all_visible_to;
    auto commit = std::ranges::upper_bound(commits_, before, {}, &Commit::end);
    for (; commit != commits_.end() && commit->end <= std::min(flush, watermark); ++commit) {
        if (!snapshot.shows(commit->xid)) {
            all_visible_to = std::min(all_visible_to, commit->start);
        }
    }
    looks_.push_back({at, std::max(before, all_visible_to)});
    all_visible_ = std::max(all_visible_, looks_.back().all_visible_to);
    trim(at);
}

void RecentCommits::trim(Clock::time_point now) {
    while (looks_.size() > 1 && looks_[1].at < now - kLooksKept) looks_.pop_front();
    const Lsn needed = looks_.front().all_visible_to;
    while (commits_.size() > kCommitsKept && commits_.front().end <= needed) {
        known_from_ = std::max(known_from_, commits_.front().end);
        commits_.pop_front();
    }
}

std::optional<Lsn> RecentCommits::complete_to(Lsn flush, const Snapshot& snapshot,
                                              Clock::time_point asked) const {
    const std::lock_guard lock{mutex_};
    auto look = std::ranges::upper_bound(looks_, asked, {}, &Look::at);
    if (look == looks_.begin()) return std::nullopt;
    --look;
    // More than `limit_` commits have an unknown visibility: some had to be dropped.
    if (look->all_visible_to < known_from_) return std::nullopt;
    Lsn complete = flush;
    auto commit = std::ranges::upper_bound(commits_, look->all_visible_to, {}, &Commit::end);
    for (; commit != commits_.end() && commit->end <= flush; ++commit) {
        if (!snapshot.shows(commit->xid)) complete = std::min(complete, commit->start);
    }
    return complete;
}

Lsn RecentCommits::visible_to(Lsn replayed, Lsn received, Lsn watermark) const {
    const std::lock_guard lock{mutex_};
    const Lsn next_record{replayed.value + kPageHeader};
    if (watermark <= next_record || replayed < known_from_) return std::max(replayed, received);
    const auto next = std::ranges::upper_bound(commits_, replayed, {}, &Commit::end);
    return next != commits_.end() && next->start <= next_record ? next->end : replayed;
}

void RecentCommits::mark(Lsn flush, std::uint64_t xid) {
    const std::lock_guard lock{mutex_};
    if (!mark_) mark_ = Mark{flush, xid};
}

Lsn RecentCommits::all_visible() const {
    const std::lock_guard lock{mutex_};
    return all_visible_;
}

std::size_t RecentCommits::size() const {
    const std::lock_guard lock{mutex_};
    return commits_.size();
}

}  // namespace lintas::position
