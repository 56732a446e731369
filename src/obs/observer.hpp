#pragma once
// Where a finished request is told, once: the observer decides what to count and what to log.

#include "obs/event.hpp"
#include "obs/log.hpp"
#include "obs/metrics.hpp"

namespace lintas::obs {

/// Thread: one per thread, used by it alone. Neither call allocates nor waits.
class Observer {
 public:
    Observer(Log& log, ThreadMetrics& metrics) : log_(log), metrics_(metrics) {}

    /// Counts the request and logs one line "request": at info, from status 500 on at warn, 500
    /// itself at error.
    void done(const RequestEvent& event);

    ThreadMetrics& metrics() { return metrics_; }
    Log& log() { return log_; }

 private:
    Log& log_;
    ThreadMetrics& metrics_;
};

}  // namespace lintas::obs
