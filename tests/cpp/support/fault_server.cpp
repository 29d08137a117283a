#include "support/fault_server.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace penstock::test {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  }
};

}  // namespace

FaultServer::FaultServer(const std::string& directory, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"python3", PENSTOCK_TESTS_DIRECTORY "/support/fault_server.py", directory};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const Pipe to;
  const Pipe from;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from.ends[1], STDOUT_FILENO);
  const int failed = posix_spawnp(&process_, "python3", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to.ends[0]);
  close(from.ends[1]);
  input_ = to.ends[1];
  if (failed != 0) throw std::runtime_error("python3 cannot be started");

  std::FILE* output = fdopen(from.ends[0], "r");
  char line[4096];
  bool ready = false;
  while (!ready && std::fgets(line, sizeof line, output) != nullptr) {
    std::string text(line);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    ready = text == "ready";
    take(text);
  }
  std::fclose(output);
  if (!ready) throw std::runtime_error("the fault server did not start");
}

FaultServer::~FaultServer() {
  close(input_);
  int status = 0;
  waitpid(process_, &status, 0);
}

std::vector<std::string> FaultServer::scenario(const std::string& name) {
  return {"--scenario", PENSTOCK_TESTS_DIRECTORY "/data/faults/" + name + ".json"};
}

void FaultServer::take(const std::string& line) {
  std::istringstream words(line);
  std::string kind;
  words >> kind;
  if (kind == "base") words >> base_;
  if (kind == "ca") words >> certificate_;
  if (kind == "within") words >> within_;
  if (kind == "requests") words >> most_requests_.emplace();
  if (kind == "option") {
    std::string name;
    words >> name >> options_[name];
  }
  if (kind == "ask") {
    FaultAsk ask;
    std::string begin;
    std::string end;
    words >> ask.key >> begin >> end >> ask.expect;
    if (begin != "-") ask.range = base::ByteRange{std::stoull(begin), std::stoull(end)};
    std::getline(words >> std::ws, ask.says);
    asks_.push_back(ask);
  }
}

}  // namespace penstock::test
