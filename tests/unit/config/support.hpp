#pragma once
// Temporary files and one-line loading, for the configuration's tests.

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "config/load.hpp"

namespace lintas::config {

/// A directory that goes away with the test.
class TempDir {
 public:
    TempDir() {
        char name[] = "/tmp/lintas-config-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        for (const std::string& file : files_) ::unlink(file.c_str());
        ::rmdir(path_.c_str());
    }

    std::string write(const std::string& name, const std::string& text) {
        const std::string file = path_ + "/" + name;
        std::ofstream{file, std::ios::binary} << text;
        files_.push_back(file);
        return file;
    }
    std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
    std::string path_;
    std::vector<std::string> files_;
};

struct Loaded {
    Config config;
    std::vector<std::string> problems;  // the file is called FILE in them
};

inline Loaded load(const std::string& yaml, std::vector<std::string> sets = {},
                   Environment environment = {}) {
    TempDir dir;
    LoadInput input;
    input.path = dir.write("c.yaml", yaml);
    input.sets = std::move(sets);
    input.environment = std::move(environment);
    Problems problems;
    Loaded loaded{load_config(input, problems), problems.lines()};
    for (std::string& line : loaded.problems) {
        if (line.starts_with(input.path)) line.replace(0, input.path.size(), "FILE");
    }
    return loaded;
}

inline const std::string kUrl = "database: { primary: { url: postgresql://h/db } }\n";

}  // namespace lintas::config
