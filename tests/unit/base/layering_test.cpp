// The link list of a folder is its dependency rule; this catches an include that only compiles
// because somebody further down links it too.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// "lintas_module(sql DEPS base parse THIRD_PARTY fmt)" → {base, parse}
std::set<std::string> declared_dependencies(const fs::path& module) {
    std::istringstream words{text_of(module / "CMakeLists.txt")};
    std::set<std::string> dependencies;
    std::string word;
    bool listed = false;
    while (words >> word) {
        if (!word.empty() && word.back() == ')') word.pop_back();
        if (word == "DEPS") {
            listed = true;
        } else if (word == "THIRD_PARTY") {
            break;
        } else if (listed && !word.empty()) {
            dependencies.insert(word);
        }
    }
    return dependencies;
}

std::set<std::string> included_folders(const fs::path& file) {
    std::istringstream lines{text_of(file)};
    std::set<std::string> folders;
    std::string line;
    const std::string start = "#include \"";
    while (std::getline(lines, line)) {
        if (!line.starts_with(start)) continue;
        const std::size_t slash = line.find('/');
        if (slash != std::string::npos)
            folders.insert(line.substr(start.size(), slash - start.size()));
    }
    return folders;
}

const fs::path kSource = fs::path{LINTAS_SOURCE_DIR} / "src";

}  // namespace

TEST_CASE("layering: a folder includes only what it declares as a dependency", "[unit][base]") {
    int checked = 0;
    for (const fs::directory_entry& module : fs::directory_iterator{kSource}) {
        if (!module.is_directory()) continue;
        const std::string name = module.path().filename().string();
        const std::set<std::string> allowed = declared_dependencies(module.path());
        std::set<std::string> unused = allowed;
        for (const fs::directory_entry& file : fs::recursive_directory_iterator{module.path()}) {
            const std::string extension = file.path().extension().string();
            if (extension != ".hpp" && extension != ".cpp") continue;
            for (const std::string& folder : included_folders(file.path())) {
                ++checked;
                unused.erase(folder);
                INFO(file.path().filename().string() << " in " << name << " includes " << folder);
                CHECK((folder == name || allowed.contains(folder)));
            }
        }
        INFO(name << " declares what it does not include");
        CHECK(unused == std::set<std::string>{});
    }
    CHECK(checked > 100);
}

TEST_CASE("layering: dependencies have no cycle", "[unit][base]") {
    std::map<std::string, std::set<std::string>> open;
    for (const fs::directory_entry& module : fs::directory_iterator{kSource}) {
        if (module.is_directory())
            open[module.path().filename().string()] = declared_dependencies(module.path());
    }
    while (!open.empty()) {
        const auto leaf =
            std::find_if(open.begin(), open.end(), [](const auto& m) { return m.second.empty(); });
        REQUIRE(leaf != open.end());  // every folder left waits for another one
        const std::string name = leaf->first;
        open.erase(leaf);
        for (auto& [other, dependencies] : open) dependencies.erase(name);
    }
}

TEST_CASE("layering: what is pure sees no driver", "[unit][base]") {
    for (const char* pure : {"parse", "sql", "auth", "config", "respond"}) {
        const std::set<std::string> dependencies = declared_dependencies(kSource / pure);
        INFO(pure);
        CHECK_FALSE(dependencies.contains("postgres"));
        CHECK_FALSE(dependencies.contains("accept"));
    }
}
