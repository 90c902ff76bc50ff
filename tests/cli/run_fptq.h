// Runs the built program as a user does.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "temp_folder.h"

namespace fptq {

struct Outcome {
  int code = 0;  // exit code, or 128 + the signal that ended it
  std::string out, err;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A started program whose streams are files in a folder of its own.
class RunningFptq {
 public:
  RunningFptq(const std::vector<std::string>& args, const std::string& input,
              const std::vector<std::string>& environment, const std::string& out_path = {}) {
    const std::string in = folder_.write("in", input).string();
    const std::string out = out_path.empty() ? (folder_ / "out").string() : out_path;
    const std::string err = (folder_ / "err").string();
    std::vector<const char*> argv = {FPTQ_BINARY};
    for (const std::string& arg : args) argv.push_back(arg.c_str());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    dup2(open(in.c_str(), O_RDONLY), STDIN_FILENO);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
    execv(FPTQ_BINARY, const_cast<char**>(argv.data()));
    _exit(127);
  }

  void signal(int number) const { kill(pid_, number); }
  std::string err_so_far() const { return slurp(folder_ / "err"); }

  Outcome wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, slurp(folder_ / "out"), slurp(folder_ / "err")};
  }

 private:
  TempFolder folder_;
  pid_t pid_ = -1;
};

inline Outcome run_fptq(const std::vector<std::string>& args, const std::string& input = {},
                        const std::vector<std::string>& environment = {}) {
  return RunningFptq(args, input, environment).wait();
}

inline const std::string kTinyModel = FPTQ_SOURCE_DIR "/data/stories260k";
inline const std::string kHeldOutText = FPTQ_SOURCE_DIR "/data/aesop.txt";

}  // namespace fptq
