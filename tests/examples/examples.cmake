# Builds and runs the examples, and holds README.md to the first of them.
add_executable(example-first examples/first.c)
target_link_libraries(example-first PRIVATE atrous atrous_warnings)

add_test(NAME example_first COMMAND example-first)
set_tests_properties(example_first PROPERTIES LABELS cpu
    PASS_REGULAR_EXPRESSION " 0  1  0  2  0  1  0\n 0  0  0  0  0  0  0\n 0  2  0  4  0  2  0\n")

add_test(NAME example_first_in_readme
    COMMAND ${CMAKE_COMMAND} -DREADME=${PROJECT_SOURCE_DIR}/README.md
        -DEXAMPLE=${CMAKE_CURRENT_SOURCE_DIR}/examples/first.c
        -P ${CMAKE_CURRENT_SOURCE_DIR}/examples/readme.cmake)
set_tests_properties(example_first_in_readme PROPERTIES LABELS cpu)

add_executable(example-choose-dilations examples/choose_dilations.c)
target_link_libraries(example-choose-dilations PRIVATE atrous atrous_warnings)
add_test(NAME example_choose_dilations COMMAND example-choose-dilations)
set_tests_properties(example_choose_dilations PROPERTIES LABELS host
    PASS_REGULAR_EXPRESSION "dilations 1 3 8 8 see them all")
