# add_sharded_tests(PROGRAM COUNT): tells CTest of a GoogleTest program, as COUNT processes that each run their share of its
# tests, one after the other. A process for each of a thousand tests would spend most of its time on starting under a
# sanitizer. For one test, run the program itself with --gtest_filter=NAME.
function(add_sharded_tests program count)
  math(EXPR last "${count} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${program}.${shard} COMMAND ${program})
    # The limit ends what hangs; the last line then says in which test. Under a sanitizer, beside the Python tests on few
    # cores, a sound share may take minutes.
    set_tests_properties(${program}.${shard} PROPERTIES
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${count};GTEST_SHARD_INDEX=${shard}" TIMEOUT 600)
  endforeach()
endfunction()
