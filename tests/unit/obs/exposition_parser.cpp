#include "exposition_parser.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

namespace {

[[noreturn]] void refuse(std::string_view why, std::string_view line) {
    throw std::runtime_error(std::string{why} + ": " + std::string{line});
}

bool is_name(std::string_view name, bool colons) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    return std::ranges::all_of(name, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || (colons && c == ':');
    });
}

double number(std::string_view text, std::string_view line) {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    try {
        std::size_t used = 0;
        const double value = std::stod(std::string{text}, &used);
        if (used == text.size()) return value;
    } catch (const std::exception&) {
    }
    refuse("not a number", line);
}

struct Sample {
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;

    std::string without_le() const {
        std::string key;
        for (const auto& [label, text] : labels) {
            if (label != "le") key += label + "=" + text + ";";
        }
        return key;
    }
};

/// One sample line; `at` walks over it.
class SampleReader {
 public:
    explicit SampleReader(std::string_view line) : line_(line) {}

    Sample read() {
        Sample sample;
        sample.name = line_.substr(0, line_.find_first_of("{ "));
        if (!is_name(sample.name, true)) refuse("bad metric name", line_);
        at_ = sample.name.size();
        if (peek() == '{') read_labels(sample);
        expect(' ');
        sample.value = number(line_.substr(at_), line_);
        return sample;
    }

 private:
    char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }
    void expect(char c) {
        if (peek() != c) refuse(std::string{"expected "} + c, line_);
        ++at_;
    }
    void read_labels(Sample& sample) {
        expect('{');
        std::set<std::string> seen;
        while (true) {
            const auto equals = line_.find('=', at_);
            if (equals == std::string_view::npos) refuse("label without value", line_);
            const std::string name{line_.substr(at_, equals - at_)};
            if (!is_name(name, false)) refuse("bad label name", line_);
            if (!seen.insert(name).second) refuse("label twice", line_);
            at_ = equals + 1;
            sample.labels.emplace_back(name, read_value());
            if (peek() != ',') break;
            expect(',');
        }
        expect('}');
    }
    std::string read_value() {
        std::string value;
        expect('"');
        while (peek() != '"') {
            char c = peek();
            if (c == '\0') refuse("open label value", line_);
            ++at_;
            if (c == '\\') {
                c = peek();
                ++at_;
                if (c != '\\' && c != '"' && c != 'n') refuse("bad escape", line_);
                if (c == 'n') c = '\n';
            }
            value += c;
        }
        expect('"');
        return value;
    }

    std::string_view line_;
    std::size_t at_ = 0;
};

bool belongs_to(const std::string& sample, const std::string& family, const std::string& type) {
    if (type != "histogram") return sample == family;
    return sample == family + "_bucket" || sample == family + "_sum" || sample == family + "_count";
}

void check_histograms(const std::string& family, const std::vector<Sample>& samples) {
    struct One {
        double last_le = -1;
        double last_count = -1;
        bool sum = false;
        double count = -1;
    };
    std::map<std::string, One> all;
    for (const Sample& sample : samples) {
        One& one = all[sample.without_le()];
        if (sample.name.ends_with("_bucket")) {
            const auto le =
                std::ranges::find(sample.labels, "le", &std::pair<std::string, std::string>::first);
            if (le == sample.labels.end()) refuse("bucket without le", family);
            const double bound = number(le->second, family);
            if (bound <= one.last_le || sample.value < one.last_count)
                refuse("buckets out of order", family);
            one.last_le = bound;
            one.last_count = sample.value;
        } else if (sample.name.ends_with("_sum")) {
            one.sum = true;
        } else {
            one.count = sample.value;
        }
    }
    for (const auto& [labels, one] : all) {
        if (one.last_le != std::numeric_limits<double>::infinity())
            refuse("no +Inf bucket", family);
        if (!one.sum || one.count != one.last_count)
            refuse("sum or count wrong", family + " " + labels);
    }
}

}  // namespace

std::map<std::string, ParsedFamily> parse_exposition(std::string_view text) {
    std::map<std::string, ParsedFamily> families;
    std::map<std::string, std::vector<Sample>> samples;
    std::string current;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) refuse("the last line has no newline", text);
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.starts_with("# HELP ")) {
            const std::string_view rest = line.substr(7);
            current = rest.substr(0, rest.find(' '));
            if (!is_name(current, true)) refuse("bad metric name", line);
            if (families.contains(current)) refuse("family twice", line);
            families[current].help = rest.substr(current.size() + 1);
        } else if (line.starts_with("# TYPE ")) {
            const std::string_view rest = line.substr(7);
            if (rest.substr(0, rest.find(' ')) != current) refuse("TYPE of another family", line);
            ParsedFamily& family = families[current];
            family.type = rest.substr(current.size() + 1);
            if (family.type != "counter" && family.type != "gauge" && family.type != "histogram") {
                refuse("unknown type", line);
            }
        } else {
            Sample sample = SampleReader{line}.read();
            ParsedFamily& family = families[current];
            if (family.type.empty() || !belongs_to(sample.name, current, family.type))
                refuse("stray sample", line);
            const std::string series{line.substr(0, line.rfind(' '))};
            if (!family.samples.emplace(series, sample.value).second) refuse("series twice", line);
            if (family.type == "counter" && sample.value < 0) refuse("negative counter", line);
            samples[current].push_back(std::move(sample));
        }
    }
    for (const auto& [name, family] : families) {
        if (family.help.empty() || family.type.empty()) refuse("no HELP or no TYPE", name);
        if (family.type == "counter" && !name.ends_with("_total"))
            refuse("a counter ends in _total", name);
        if (family.type == "histogram") check_histograms(name, samples[name]);
    }
    return families;
}
