#include "obs/process_stats.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace lintas::obs {

namespace {

std::string read_small_file(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    std::array<char, 4096> bytes{};
    const ssize_t size = read(fd, bytes.data(), bytes.size());
    close(fd);
    return size > 0 ? std::string{bytes.data(), static_cast<std::size_t>(size)} : std::string{};
}

/// The `index`th word, counted from 0, as a number.
std::optional<std::uint64_t> nth_number(std::string_view text, int index) {
    for (; index > 0; --index) {
        const auto blank = text.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        text.remove_prefix(blank + 1);
    }
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return value;
}

double seconds(timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

double clock_seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// proc(5): field 22 of stat, in ticks since boot. The name in field 2 may hold blanks and
/// parentheses.
std::optional<double> start_time() {
    const std::string stat = read_small_file("/proc/self/stat");
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string::npos) return std::nullopt;
    const auto ticks = nth_number(std::string_view{stat}.substr(name_end + 2), 19);
    if (!ticks) return std::nullopt;
    const double since_boot =
        static_cast<double>(*ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_BOOTTIME) + since_boot;
}

std::optional<std::uint64_t> open_descriptors() {
    struct stat info{};
    if (stat("/proc/self/fd", &info) != 0) return std::nullopt;
    if (info.st_size > 0) return static_cast<std::uint64_t>(info.st_size);  // Linux 6.2 and later
    DIR* dir = opendir("/proc/self/fd");
    if (dir == nullptr) return std::nullopt;
    std::uint64_t count = 0;
    while (const dirent* entry = readdir(dir)) count += entry->d_name[0] != '.' ? 1U : 0U;
    closedir(dir);
    return count > 0 ? count - 1 : 0;  // without the one that was counting
}

}  // namespace

ProcessStats process_stats() {
    ProcessStats stats;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    // Computed once: the two clocks are read one after the other, and a start that trembles looks
    // like restarts.
    static const std::optional<double> started = start_time();
    stats.start_time_seconds = started;
    const std::string statm = read_small_file("/proc/self/statm");
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    if (const auto pages = nth_number(statm, 0)) stats.virtual_bytes = *pages * page;
    if (const auto pages = nth_number(statm, 1)) stats.resident_bytes = *pages * page;
    stats.open_fds = open_descriptors();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
    return stats;
}

}  // namespace lintas::obs
